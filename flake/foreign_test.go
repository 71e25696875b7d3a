package flake

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"flakeops/flake/nix/nixtest"
)

// The module of another tool declares options of the same names. Their defaults
// may be meant for that tool alone: colmena's targetHost is the module argument
// "name", which is colmena's own.
func TestEvaluateSettingsOfForeignModules(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	const options = `
		missing = ({ }).name;
		unset = { default = missing; highestPrio = 1500; isDefined = missing; };
		set = { default = missing; highestPrio = 100; isDefined = true; };
		foreign = config: options: plain "f" // { config = (plain "f").config // { deployment = config; }; options.deployment = options; };
	`
	dir := nixtest.Flake(t, `
		nothing = foreign { targetHost = missing; tags = missing; keys = missing; allowLocalDeployment = false; }
			{ targetHost = unset; tags = unset; keys = unset; allowLocalDeployment = unset; };
		all = foreign { targetHost = "192.0.2.7"; tags = [ "web" ]; targetPort = missing; keys.k = {
				name = "k"; text = null; keyFile = null; keyCommand = [ "pass" "x" ]; destDir = "/run/keys"; path = "/run/keys/k";
				user = "root"; group = "root"; permissions = "0600"; uploadAt = "pre-activation"; }; }
			{ targetHost = set; tags = set; targetPort = unset; keys = set; };
		never = foreign { targetHost = null; } { targetHost = set; };
		weak = foreign { tags = [ "as a default" ]; } { tags = { default = [ ]; highestPrio = 1500; isDefined = true; }; };
		own = foreign { tags = [ "own" ]; } { tags = { default = [ ]; highestPrio = 1500; isDefined = true; isOfFlakeops = true; }; };
	`)
	nixtest.Write(t, dir, "flake.nix", strings.Replace(read(t, dir, "flake.nix"), "let ", "let "+options, 1))
	f := open(t, n, ctx, dir)
	for name, e := range evaluate(t, ctx, f) {
		if e.Err != nil {
			t.Errorf("%s: %v", name, e.Err)
			continue
		}
		d := e.Settings
		want := map[string]string{
			"nothing": "nothing [] []", "all": "192.0.2.7 [web] [pass x]", "never": "none [] []", "weak": "weak [] []", "own": "own [own] []",
		}[name]
		host, key := "none", []string{}
		if d.TargetHost != nil {
			host = *d.TargetHost
		}
		for _, k := range d.Keys {
			key = append(key, k.Command...)
		}
		if got := fmt.Sprint(host, " ", d.Tags, " ", key); got != want || d.TargetPort != nil {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	found, err := f.Validate(ctx, []string{"all", "never", "nothing"}, func(string) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		if v.Err != nil || len(v.Problems) > 0 {
			t.Errorf("%+v", v)
		}
	}
	if chosen, unclear, err := f.Select(ctx, Selection{On: []string{"@web"}}); err != nil || len(unclear) > 0 || !slices.Equal(chosen, []string{"all"}) {
		t.Errorf("%q, %v, %v", chosen, unclear, err)
	}
}

// Whose module it is, nix does not say.
func TestOptionsDeclaredTwice(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	f := open(t, n, ctx, nixtest.Flake(t, "web = throw \"The option `deployment.tags' in `<unknown-file>' is already declared in `/nix/store/x-source/flake/module.nix'.\";"))
	const want = "leave flakeops.nixosModules.default out of this node: its settings are read as the other module declares them"
	if err := evaluate(t, ctx, f)["web"].Err; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
}
