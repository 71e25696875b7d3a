package e2e

import (
	"strings"
	"testing"

	"flakeops/tests/flakes"
)

// One rule, whoever asks: list, validate and deploy refuse a setting in the same
// words, nix flake check too, and the module, which keeps a system from being built
// for what would be wrong on its host and warns of what is wrong about reaching it.
func TestBadSettingsAreRefusedByAllInTheSameWords(t *testing.T) {
	f := emptyFleet(t)
	t.Parallel()
	flakes.Using(t, f.dir)
	one := func(option string, value any) flakes.Node {
		return flakes.Node{Deployment: attrs{option: value}}
	}
	token := func(option string, value any) flakes.Node {
		return flakes.Node{Keys: map[string]map[string]any{"token": {"keyFile": "/x", option: value}}}
	}
	for name, c := range map[string]struct {
		web    flakes.Node
		says   string
		builds bool
	}{
		"no IPv4 address": {one("targetHost", "10.0.0.300"), `deployment.targetHost is "10.0.0.300", which is neither an IPv4 address nor a host name`, true},
		"a host and port": {one("targetHost", "web:22"), `deployment.targetHost is "web:22", which is not a host name or address alone: the port goes to targetPort`, true},
		"two commands":    {one("targetHost", "a;b"), `deployment.targetHost is "a;b", which cannot be a host name`, true},
		"a variable":      {one("targetHost", "a$b"), `deployment.targetHost is "a$b", which cannot be a host name`, true},
		"user's variable": {one("targetUser", "a$b"), `deployment.targetUser is "a$b", which has a character that means something to a shell`, true},
		"a port":          {one("targetPort", 0), "deployment.targetPort is 0, it must be from 1 to 65535", true},
		"endless":         {one("activationTimeout", 1<<31), "deployment.activationTimeout is 2147483648, it must be from 1 to 2592000", true},
		"in the store":    {token("destDir", "/nix/store/x"), `deployment.keys.token.destDir is "/nix/store/x", which is in the store, which all users of the host can read`, false},
		"in a key": {flakes.Node{Keys: map[string]map[string]any{"token": {"keyFile": "/x"}, "within": {"keyFile": "/x", "destDir": "/run/keys/token/x"}}},
			`deployment.keys.within.destDir is "/run/keys/token/x", and deployment.keys.token is a key there: choose another directory`, false},
		"no unit": {token("restartUnits", []string{"-x.service"}), `deployment.keys.token.restartUnits (element 1) is "-x.service", which is not a unit's full name`, false},
		"no time": {token("timeout", 0), "deployment.keys.token.timeout is 0, it must be from 1 to 2592000", false},
		"an age":  {token("timeout", 1<<31), "deployment.keys.token.timeout is 2147483648, it must be from 1 to 2592000", false},
	} {
		t.Run(name, func(t *testing.T) {
			f.nodes["web"] = c.web
			f.write()
			ref := "path:" + f.dir
			f.at(t).run("list", ref).exits(2).says("web: evaluation failed: " + c.says)
			f.at(t).run("deploy", ref).exits(2).says("web: evaluation failed: " + c.says)
			if r := f.at(t).run("validate", ref).exits(1); !strings.Contains(r.stdout, "web: "+c.says) {
				t.Errorf("validate: %s", r.stdout)
			}
			code := 1
			if c.builds {
				code = 0
			}
			f.at(t).nix(f.dir, "build", "--no-link", ref+"#"+flakes.SystemAttr("web")).exits(code).says(c.says)
			f.at(t).nix(f.dir, "flake", "check", "--no-build", ref).exits(1).says(c.says)
		})
	}
}
