package flakes_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"flakeops/tests/flakes"
)

// evaluateModule evaluates an expression where "it" is what the module defines
// besides options, of a node given in Nix as nodes.json has it; "services" are
// those of the host.
func evaluateModule(t *testing.T, node, expression string, result any) {
	t.Helper()
	text := `let it = (import ./settings.nix "node" ` + node + `).defines; in ` + expression
	decode(t, flakes.Nix(t, flakes.Fleet(t, nil), "eval", "--json", "--impure", "--expr", text), result)
}

// A service that is started at boot and requires a key is left out there, and
// started by the key's.
func TestModuleDefinesUnitsOfKeys(t *testing.T) {
	var got struct {
		Units  map[string]struct{ Text string }
		Boot   map[string][]string // by unit
		Target struct {
			Requires, After []string
		}
		Groups map[string]any
	}
	evaluateModule(t, `{
  keys = { db = { text = throw "not to be looked at"; }; "a+b" = { keyFile = "/x"; }; };
  services = {
    requires = { requires = [ "db-key.service" ]; wantedBy = [ "multi-user.target" ]; };
    binds = { bindsTo = [ "db-key.service" ]; requiredBy = [ "requires.service" ]; };
    needs = { requisite = [ "a\\x2bb-key.service" ]; wantedBy = [ "multi-user.target" ]; };
    by-hand = { requires = [ "db-key.service" ]; };
    disabled = { requires = [ "db-key.service" ]; wantedBy = [ "multi-user.target" ]; enable = false; };
    other = { wantedBy = [ "multi-user.target" ]; };
  };
}`, `{
  units = it.systemd.units;
  boot = builtins.mapAttrs (_: u: u.wantedBy or [ ]) it.systemd.units;
  target = it.systemd.targets.keys;
  groups = it.users.groups;
}`, &got)

	want := []string{`a\x2bb-key.path`, `a\x2bb-key.service`, "db-key.path", "db-key.service"}
	if names := slices.Sorted(maps.Keys(got.Units)); !slices.Equal(names, want) {
		t.Fatalf("units %q, want %q", names, want)
	}
	for name := range got.Units {
		if boot := strings.HasSuffix(name, ".path"); boot != slices.Equal(got.Boot[name], []string{"paths.target"}) {
			t.Errorf("%s is wanted by %q", name, got.Boot[name])
		}
	}
	wants := func(unit string) (all []string) {
		for line := range strings.Lines(got.Units[unit].Text) {
			if name, ok := strings.CutPrefix(strings.TrimSpace(line), "Wants="); ok {
				all = append(all, name)
			}
		}
		return all
	}
	if all := wants("db-key.service"); !slices.Equal(all, []string{"binds.service", "requires.service"}) {
		t.Errorf("the key db starts %q", all)
	}
	if all := wants(`a\x2bb-key.service`); !slices.Equal(all, []string{"needs.service"}) {
		t.Errorf("the key a+b starts %q", all)
	}
	if !strings.Contains(got.Units["db-key.service"].Text, "ExecStart=/inotify-tools/bin/inotifywait ") {
		t.Errorf("it watches by other means:\n%s", got.Units["db-key.service"].Text)
	}
	services := []string{`a\x2bb-key.service`, "db-key.service"}
	if !slices.Equal(got.Target.Requires, services) || !slices.Equal(got.Target.After, services) {
		t.Errorf("keys.target: %+v", got.Target)
	}
	if _, ok := got.Groups["keys"]; !ok {
		t.Errorf("groups %v", got.Groups)
	}
}

// A system with a key that cannot be sent is not built. One whose host cannot be
// reached as it says is.
func TestModuleAssertsAndWarns(t *testing.T) {
	for node, want := range map[string]struct{ asserts, warns string }{
		`{ keys.k.text = "x"; }`: {"", ""},
		`{ keys.k.user = "x"; }`: {"deployment.keys.k has no source", ""},
		`{ keys.k = { text = throw "not to be looked at"; name = "../x"; }; }`:      {`deployment.keys.k.name is "../x"`, ""},
		`{ keys = { a = { text = "x"; name = "b"; }; b = { keyFile = "/x"; }; }; }`: {`deployment.keys.b.name is "b", as that of deployment.keys.a`, ""},
		`{ keys.k.keyFile = "${./flake.nix}"; }`:                                    {"which is part of the flake's source", ""},
		`{ deployment.targetPort = 0; keys.k.text = "x"; }`:                         {"", "deployment.targetPort is 0, it must be from 1 to 65535"},
		`{ deployment.targetHost = null; }`:                                         {"", ""},
	} {
		var said struct{ Asserts, Warns []string }
		evaluateModule(t, node, "{ asserts = map (a: a.message) (builtins.filter (a: !a.assertion) it.assertions); warns = it.warnings; }", &said)
		for _, c := range []struct {
			want string
			said []string
		}{{want.asserts, said.Asserts}, {want.warns, said.Warns}} {
			if c.want == "" && len(c.said) > 0 || c.want != "" && (len(c.said) != 1 || !strings.Contains(c.said[0], c.want)) {
				t.Errorf("%s: %q, want %q", node, c.said, c.want)
			}
		}
	}
}
