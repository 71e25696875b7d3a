package flake

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"flakeops/flake/nix/nixtest"
)

func TestAddressesOfOtherTools(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	const shadows = `packages.x86_64-linux = builtins.listToAttrs (map (name: { inherit name; value = derivation { inherit name; system = "x86_64-linux"; builder = "x"; } // { nodes.not = { }; meta = { }; }; }) [ "deploy" "colmena" "colmenaHive" ]);`
	for outputs, want := range map[string]string{
		``: "",
		`deploy.nodes = { web.hostname = "real.example.org"; outPath.hostname = "o"; db = { }; bad.hostname = throw "x"; odd.hostname = 5; };`: `deploy.nodes (bad, db, odd, outPath, web)
			web: deployment.targetHost is not set, and deploy.nodes, which is not read, says that the host is "real.example.org"
			db: deployment.targetHost is not set, and deploy.nodes, which is not read, may say where the host is
			other: deployment.targetHost is not set, and deploy.nodes, which is not read, has no such node`,
		`colmena = { meta = { }; defaults = { }; web = { }; other = { }; }; colmenaHive.nodes.web = throw "not looked at";`: `colmena (other, web) colmenaHive (web)
			web: deployment.targetHost is not set, and colmena, which is not read, may say where the host is
			db: deployment.targetHost is not set, and colmena, which is not read, has no such node
			other: deployment.targetHost is not set, and colmena, which is not read, may say where the host is`,
		`deploy = throw "no such thing";`: `deploy.nodes (which cannot be read)
			web: deployment.targetHost is not set, and deploy.nodes, which is not read, may say where the host is
			db: deployment.targetHost is not set, and deploy.nodes, which is not read, may say where the host is
			other: deployment.targetHost is not set, and deploy.nodes, which is not read, may say where the host is`,
		`deploy = "a script"; colmena = [ ]; colmenaHive = x: x;`:            "",
		`deploy = { nodes = 5; };`:                                           "",
		`colmena = derivation { name = "x"; system = "x"; builder = "x"; };`: "",
	} {
		for _, packages := range []string{"", shadows} {
			dir := t.TempDir()
			nixtest.Write(t, dir, "flake.nix", "{ outputs = _: { nixosConfigurations.web = { }; "+packages+outputs+" }; }")
			others, err := open(t, n, ctx, dir).Addresses(ctx)
			if err != nil {
				t.Error(err)
				continue
			}
			got := strings.Trim(fmt.Sprint(others), "[]")
			for _, name := range []string{"web", "db", "other"} {
				var e *AddressError
				if errors.As(Unsaid(name, others), &e) {
					got += "\n\t\t\t" + name + ": " + e.Cause()
				}
			}
			if got != want {
				t.Errorf("%s\nfound %s\nwant %s", outputs, got, want)
			}
		}
	}
}

func TestNamesSayWhatThereIsInstead(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	for outputs, want := range map[string]string{
		`deploy.nodes = { web.hostname = "x"; "a b" = { }; };`:                                       `has no nixosConfigurations, which is all that flakeops deploys; it has deploy.nodes ("a b", web): define`,
		`colmena = { meta = { }; web = { }; }; nixosConfigurations = { };`:                           "has an empty nixosConfigurations, which is all that flakeops deploys; it has colmena (web): define",
		`colmenaHive.nodes.db = { };`:                                                                "it has colmenaHive (db): define",
		`darwinConfigurations.mac = throw "x"; homeConfigurations."me@mac" = throw "x"; deploy = 1;`: `it has darwinConfigurations (mac), homeConfigurations ("me@mac"): define`,
	} {
		dir := t.TempDir()
		nixtest.Write(t, dir, "flake.nix", "{ outputs = _: { "+outputs+" }; }")
		_, err := open(t, n, ctx, dir).Names(ctx)
		var none *NoNodesError
		if !errors.As(err, &none) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", outputs, err, want)
		}
	}
}

func TestEvaluateTellsWhatIsNoMachine(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	var config strings.Builder
	for name, more := range map[string]string{
		"host":      `{ }`,
		"set":       `{ deployment.targetHost = "x"; system.switch.enable = true; boot.isContainer = false; }`,
		"never":     `{ deployment.targetHost = null; }`,
		"container": `{ boot.isContainer = true; }`,
		"iso":       `{ system.build.isoImage = throw "not built"; }`,
		"sd":        `{ system.build.sdImage = throw "not built"; }`,
		"netboot":   `{ system.build.netbootRamdisk = throw "not built"; }`,
		"fixed":     `{ system.switch.enable = false; }`,
	} {
		fmt.Fprintf(&config, `%s = let more = %s; p = plain "x"; in { config = p.config // more // {
			system = (more.system or { }) // { build = p.config.system.build // (more.system.build or { }); }; }; };`, name, more)
	}
	for name, e := range evaluate(t, ctx, open(t, n, ctx, nixtest.Flake(t, config.String()))) {
		got := fmt.Sprint(e.Settings.Kind, ",", e.Settings.Addressed, ",", e.Settings.NoSwitch, " ", e.Err)
		want := map[string]string{
			"host": ",false,false", "set": ",true,false", "never": ",true,false", "container": "a container,false,false",
			"iso": "an ISO image,false,false", "sd": "an SD card image,false,false", "netboot": "a netboot image,false,false",
			"fixed": ",false,true",
		}[name] + " <nil>"
		if got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
