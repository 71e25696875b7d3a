package flakes_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"flakeops/tests/flakes"
)

// keyModule evaluates what keys/module.nix defines, with as much of nixpkgs'
// lib as that needs, on a host with these keys and services.
const keyModule = `{ keys, services ? { } }:
let
  config = {
    deployment.keys = (import ./settings.nix "node" { inherit keys; }).config.keys;
    systemd.services = builtins.mapAttrs
      (_: s: { enable = true; requires = [ ]; bindsTo = [ ]; requisite = [ ]; wantedBy = [ ]; requiredBy = [ ]; } // s)
      services;
  };
  module = import ./keys/module.nix {
    inherit config;
    options = { };
    pkgs.inotify-tools = "/inotify-tools";
    lib = {
      types = { };
      mkOption = option: option;
      mkIf = condition: content: if condition then content else null;
      optional = condition: value: if condition then [ value ] else [ ];
      inherit (builtins) concatLists concatStringsSep mapAttrs;
      mapAttrsToList = f: set: map (name: f name set.${name}) (builtins.attrNames set);
    };
  };
in
`

// evaluateKeyModule evaluates an expression where "it" is what the module
// defines, for the arguments given in Nix.
func evaluateKeyModule(t *testing.T, arguments, expression string, result any) {
	t.Helper()
	text := "let of = " + keyModule + "module.config; it = of " + arguments + "; in " + expression
	decode(t, flakes.Nix(t, flakes.Fleet(t, nil), "eval", "--json", "--impure", "--expr", text), result)
}

// A service that is started at boot and requires a key is left out there, and
// started by the key's.
func TestKeyModuleDefinesUnits(t *testing.T) {
	var got struct {
		Units  map[string]struct{ Text string }
		Boot   map[string][]string // by unit
		Target struct {
			Requires, After []string
		}
		Groups map[string]any
	}
	evaluateKeyModule(t, `{
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

// A system with a key that cannot be sent is not built.
func TestKeyModuleAsserts(t *testing.T) {
	for keys, want := range map[string]string{
		`k = { text = "x"; };`:                                      "",
		`k = { user = "x"; };`:                                      `deployment.keys."k" has no source`,
		`k = { text = "x"; keyFile = "/x"; };`:                      `deployment.keys."k" has more than one source, text and keyFile`,
		`k = { text = "x"; name = "../x"; };`:                       `deployment.keys."k" has the name "../x"`,
		`a = { text = "x"; name = "b"; }; b = { keyFile = "/x"; };`: `deployment.keys."a" has the name "b", as deployment.keys."b" has`,
		`k = { text = "x"; destDir = "keys"; };`:                    `has the destDir "keys"`,
		`k = { text = "x"; permissions = "rw"; };`:                  `has the permissions "rw"`,
		`k = { text = "x"; user = "a b"; };`:                        `has the user "a b"`,
		`k = { text = "x"; restartUnits = [ "nginx" ]; };`:          `has the restartUnits ["nginx"]`,
		`k = { keyCommand = [ ]; };`:                                "has a keyCommand without a program",
		`k = { keyFile = ""; };`:                                    "has an empty keyFile",
	} {
		var said []string
		evaluateKeyModule(t, "{ keys = { "+keys+" }; }",
			"map (a: a.message) (builtins.filter (a: !a.assertion) it.assertions)", &said)
		if want == "" && len(said) > 0 || want != "" && !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, want) }) {
			t.Errorf("%s: %q, want %q", keys, said, want)
		}
	}
}
