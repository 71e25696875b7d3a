package flake

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"flakeops/flake/nix/nixtest"
)

func TestValidateComparesNodes(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	dir := nixtest.Flake(t, `
		a.config.deployment.targetHost = "Gate.example.org";
		b.config.deployment.alternateHosts = [ "192.0.2.1" "gate.example.org" ];
		c.config.deployment = { targetHost = "gate.example.org"; targetPort = 2222; };
		d.config.deployment = { targetHost = "gate.example.org"; sshOptions = [ "ProxyJump=x" ]; };
		e.config.deployment = { targetHost = "gate.example.org"; targetPort = 22; };
		f.config.deployment.targetHost = null;
		g.config.deployment.targetHost = null;
		h.config.deployment.targetHost = "i";
		i.config = { };
		"no ${"$"}{name}".config.deployment.targetHost = "j";
		throws.config.deployment.targetPort = throw "the option is not what it should be";
	`)
	const hint = ": give each node a host of its own, or a node that is never deployed the targetHost null"
	f := open(t, n, ctx, dir)
	names, err := f.Names(ctx)
	if err != nil {
		t.Fatal(err)
	}
	found, err := f.Validate(ctx, names, func(string) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for i, v := range found {
		if v.Name != names[i] {
			t.Errorf("result %d is of %s, want %s", i, v.Name, names[i])
		}
		if v.Name == "throws" {
			var bad *EvalError
			if !errors.As(v.Err, &bad) || bad.Node != "throws" || !strings.Contains(bad.Message, "the option is not what it should be") {
				t.Errorf("throws: %v", v.Err)
			}
			continue
		}
		if v.Err != nil {
			t.Error(v.Err)
		}
		if v.Problems != nil {
			got[v.Name] = v.Problems
		}
	}
	want := map[string][]string{
		"b": {`deployment.alternateHosts is "gate.example.org", as deployment.targetHost of node a` + hint},
		"e": {`deployment.targetHost is "gate.example.org", as deployment.targetHost of node a` + hint},
		"i": {`deployment.targetHost is "i", as deployment.targetHost of node h` + hint},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("found %q", got)
	}
	one, err := f.Validate(ctx, []string{"e"}, func(string) error { return nil })
	if err != nil || len(one) != 1 || len(one[0].Problems) > 0 {
		t.Errorf("a node compared with none: %+v, %v", one, err)
	}
}

func TestValidateAsksAfterKeyFiles(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	dir := nixtest.Flake(t, `web.config.deployment.keys = {
		"a.b".keyFile = "secrets/a"; "two words" = { name = "e"; keyFile = "/elsewhere"; }; c.text = "x"; d.keyFile = 5; };`)
	found, err := open(t, n, ctx, dir).Validate(ctx, []string{"web"}, func(file string) error {
		if file == "/elsewhere" {
			return errors.New("it is known to all")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"deployment.keys.d.keyFile is 5, it must be a string",
		`deployment.keys."two words".keyFile is "/elsewhere": it is known to all`,
	}
	if !reflect.DeepEqual(found[0].Problems, want) {
		t.Errorf("found %q", found[0].Problems)
	}
}

// The text of a key is not looked at, not even for whether there is one.
func TestChecksDoNotEvaluateSystemsAndTexts(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	dir := nixtest.Flake(t, `web.config = {
		system.build.toplevel = throw "the system was evaluated";
		deployment.keys.k.text = throw "the text was evaluated";
	};`)
	found, err := open(t, n, ctx, dir).Validate(ctx, []string{"web"}, func(string) error { return nil })
	if err != nil || found[0].Err != nil || len(found[0].Problems) > 0 {
		t.Errorf("%+v, %v", found, err)
	}
}

// checkedFlake is a flake with these outputs, and checks.nix applied to it.
func checkedFlake(t *testing.T, nodes, selectors string) string {
	t.Helper()
	dir := t.TempDir()
	nixtest.Write(t, dir, "flake.nix", `{ outputs = { self }: {
		nixosConfigurations = { `+nodes+` };
		found = import ./checks.nix { inherit self; selectors = [ `+selectors+` ]; };
	}; }`)
	nixtest.Write(t, dir, "checks.nix", checks)
	nixtest.Write(t, dir, "schema.nix", schema)
	nixtest.Write(t, dir, "lib.nix", libraryText)
	return dir
}

func TestChecksOfAFlakeItself(t *testing.T) {
	_, _ = nixtest.Programs(t)
	dir := checkedFlake(t, `
		web.config.deployment = {
			tags = [ "front" ];
			keys = {
				path.keyFile = ./secret;
				relative.keyFile = "sub/../sub/./secret";
				inside.keyFile = "./sub//secret";
				dir.keyFile = "sub";
				link.keyFile = "link";
				missing.keyFile = "sub/missing";
				below.keyFile = "flake.nix/x";
				above.keyFile = "../secret";
				away.keyFile = "/run/secret";
			};
		};
		db.config.deployment = { targetHost = "web"; tags = [ "back" ]; };
		other = { };
	`, `"@front,w*" "db" "[wd]?*" "other" "@fron" "x*" "web, @back"`)
	for _, name := range []string{"secret", "sub/secret"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		nixtest.Write(t, dir, name, "value")
	}
	if err := os.Symlink("/run/secret", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	var texts []string
	if err := json.Unmarshal([]byte(nixtest.Command(t, dir, "nix", "eval", "--json", "path:"+dir+"#found.texts")), &texts); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"node web: deployment.keys.path.keyFile is",
		"node web: deployment.keys.dir.keyFile is",
		"node web: deployment.keys.inside.keyFile is",
		"node web: deployment.keys.relative.keyFile is",
		"node web: deployment.targetHost is \"web\", as deployment.targetHost of node db: give",
		"no node has the tag fron in deployment.tags, which a selector names: the tags are back, front",
		"no node matches the selector \"x*\": the nodes are db, other, web",
	}
	if len(texts) != len(want) {
		t.Fatalf("found %q", texts)
	}
	for i, w := range want {
		if !strings.HasPrefix(texts[i], w) {
			t.Errorf("found %q, want %q", texts[i], w)
		}
	}
}

// What nix itself says of a setting is kept, the node is named, and what else
// is wrong is said too.
func TestChecksLetErrorsThrough(t *testing.T) {
	_, _ = nixtest.Programs(t)
	for nodes, want := range map[string][]string{
		`web.config.deployment.targetPort = throw "The option is unknown";
		 db.config.deployment.targetPort = 0;`: {
			"node web cannot be evaluated", "error: The option is unknown",
			"node db: deployment.targetPort is 0",
		},
		`web.config.deployment.targetPort = 0; db.config.deployment.tags = 1;`: {
			"node web: deployment.targetPort is 0", "node db: deployment.tags is 1",
		},
	} {
		dir := checkedFlake(t, nodes, "")
		c := exec.Command("nix", "eval", "path:"+dir+"#found.checked", "--apply", "checked: checked 1")
		out, err := c.CombinedOutput()
		if err == nil {
			t.Errorf("%s: checked: %s", nodes, out)
		}
		for _, w := range want {
			if !strings.Contains(string(out), w) {
				t.Errorf("%s: %s, want %q", nodes, out, w)
			}
		}
	}
	dir := checkedFlake(t, `web = { }; db.config.deployment = { };`, "")
	if out := nixtest.Command(t, dir, "nix", "eval", "path:"+dir+"#found.checked", "--apply", "checked: checked 1"); out != "1" {
		t.Errorf("nothing is wrong, and checked gives %s", out)
	}
}
