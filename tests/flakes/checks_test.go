package flakes

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFlakeCheckOfAFleet(t *testing.T) {
	good := map[string]Node{
		"web": {Deployment: map[string]any{"tags": []string{"front"}, "targetPort": 2222}, Keys: map[string]map[string]any{
			"token": {"keyFile": "/var/lib/secrets/token"},
		}},
		"db": {Deployment: map[string]any{"tags": []string{"back"}}},
	}
	dir := Fleet(t, good)
	Using(t, dir)
	selectors := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, "selectors.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	selectors(`["@front", "web,@back"]`)
	Nix(t, dir, "flake", "check")

	keys := func(key map[string]any) map[string]Node {
		return map[string]Node{"web": {Keys: map[string]map[string]any{"token": key}}, "db": {}}
	}
	settings := func(web map[string]any) map[string]Node {
		return map[string]Node{"web": {Deployment: web}, "db": {Deployment: map[string]any{"targetHost": "192.0.2.1"}}}
	}
	for name, c := range map[string]struct {
		nodes     map[string]Node
		selectors string
		says      []string
	}{
		"a misspelt option":          {settings(map[string]any{"targetHosst": "x"}), `[]`, []string{"targetHosst"}},
		"a bad port":                 {settings(map[string]any{"targetPort": 70000}), `[]`, []string{"web", "targetPort", "70000"}},
		"a bad host name":            {settings(map[string]any{"targetHost": "-oProxyCommand=x"}), `[]`, []string{"web", "targetHost"}},
		"a key with two sources":     {keys(map[string]any{"text": "x", "keyFile": "/x"}), `[]`, []string{"token", "text", "keyFile"}},
		"a key with none":            {keys(map[string]any{"user": "nobody"}), `[]`, []string{"token", "source"}},
		"a key in the flake":         {keys(map[string]any{"keyFile": "./nodes.json"}), `[]`, []string{"web", "token", "keyFile"}},
		"a tag that nobody has":      {settings(nil), `["@berlin"]`, []string{"berlin"}},
		"a selector of nothing":      {settings(nil), `["web", ""]`, []string{`no node matches the selector ""`}},
		"two nodes with one address": {settings(map[string]any{"targetHost": "192.0.2.1"}), `[]`, []string{"web", "db", "192.0.2.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			Rewrite(t, dir, c.nodes)
			selectors(c.selectors)
			_, err := TryNix(t, dir, "flake", "check")
			if err == nil {
				t.Fatal("nix flake check passes")
			}
			for _, text := range c.says {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("it does not say %s: %v", text, err)
				}
			}
		})
	}
}
