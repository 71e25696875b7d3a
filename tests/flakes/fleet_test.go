package flakes_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"flakeops/tests/flakes"
)

// node is what a deployer reads of a node, or why it can't.
type node struct {
	DrvPath     string
	StorePath   string
	System      string
	Deployment  map[string]any // nil when the module is not imported
	HostDefined bool
}

const readNode = `c: {
	inherit (c.config.system.build.toplevel) drvPath;
	storePath = c.config.system.build.toplevel.outPath;
	inherit (c.pkgs.stdenv.hostPlatform) system;
	deployment = c.config.deployment or null;
	hostDefined = c.options.deployment.targetHost.isDefined or false;
}`

func evaluate(t *testing.T, dir, name string) node {
	t.Helper()
	var n node
	decode(t, flakes.Nix(t, dir, "eval", "--json", `.#nixosConfigurations."`+name+`"`, "--apply", readNode), &n)
	return n
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
}

func TestNodesLookLikeNixOS(t *testing.T) {
	dir := flakes.Fleet(t, map[string]flakes.Node{
		"plain":    {},
		"defaults": {Deployment: map[string]any{}},
		"set":      {System: "aarch64-linux", Deployment: map[string]any{"targetHost": "192.0.2.1", "tags": []string{"a"}, "confirmTimeout": 5}},
		"never":    {Deployment: map[string]any{"targetHost": nil}},
	})

	plain := evaluate(t, dir, "plain")
	if plain.Deployment != nil || plain.HostDefined {
		t.Errorf("a node without the module has settings: %+v", plain)
	}
	if !strings.HasSuffix(plain.DrvPath, "-nixos-system-plain-1.drv") || !strings.HasSuffix(plain.StorePath, "-nixos-system-plain-1") {
		t.Errorf("system of plain: %s, %s", plain.DrvPath, plain.StorePath)
	}
	if plain.System != "x86_64-linux" {
		t.Errorf("platform of plain: %s", plain.System)
	}

	defaults := evaluate(t, dir, "defaults")
	want := map[string]any{
		"targetHost": nil, "alternateHosts": []any{}, "targetPort": nil, "targetUser": "root",
		"sshOptions": []any{}, "privilegeEscalationCommand": []any{"sudo", "-H", "--"}, "tags": []any{},
		"buildOnTarget": false, "substituteOnTarget": true, "magicRollback": true, "autoRollback": true, "rebootWhenStranded": true,
		"confirmTimeout": 30.0, "activationTimeout": 300.0, "keys": map[string]any{},
	}
	if !reflect.DeepEqual(defaults.Deployment, want) {
		t.Errorf("defaults:\n got %v\nwant %v", defaults.Deployment, want)
	}
	if defaults.HostDefined {
		t.Error("targetHost is defined though nothing defines it")
	}

	set := evaluate(t, dir, "set")
	want["targetHost"], want["tags"], want["confirmTimeout"] = "192.0.2.1", []any{"a"}, 5.0
	if !reflect.DeepEqual(set.Deployment, want) || !set.HostDefined {
		t.Errorf("settings:\n got %v\nwant %v", set.Deployment, want)
	}
	if set.System != "aarch64-linux" {
		t.Errorf("platform of set: %s", set.System)
	}

	never := evaluate(t, dir, "never")
	if host, ok := never.Deployment["targetHost"]; !ok || host != nil || !never.HostDefined {
		t.Errorf("a null targetHost is not seen as a definition: %+v", never)
	}
}

func TestKeysLookLikeNixOS(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("from a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := flakes.Fleet(t, map[string]flakes.Node{"a": {Keys: map[string]map[string]any{
		"least": {"text": "x"},
		"set":   {"name": "b+c", "destDir": "/run/x", "keyCommand": []string{"pass"}, "restartUnits": []string{"a.service"}},
		"read":  {"textFile": secret},
	}}})
	const settings = `c: builtins.mapAttrs (_: k: removeAttrs k [ "text" ]) c.config.deployment.keys`
	var keys map[string]map[string]any
	decode(t, flakes.Nix(t, dir, "eval", "--json", ".#nixosConfigurations.a", "--apply", settings), &keys)
	least := map[string]any{
		"name": "least", "hasText": true, "keyFile": nil, "keyCommand": nil, "destDir": "/run/keys", "path": "/run/keys/least",
		"user": "root", "group": "root", "permissions": "0400", "uploadAt": "pre-activation", "restartUnits": []any{},
		"allowPersistent": false, "timeout": 60.0,
	}
	if !reflect.DeepEqual(keys["least"], least) {
		t.Errorf("least:\n got %v\nwant %v", keys["least"], least)
	}
	if set := keys["set"]; set["path"] != "/run/x/b+c" || set["hasText"] != false || keys["read"]["hasText"] != true {
		t.Errorf("set: %v\nread: %v", set, keys["read"])
	}
	const text = ".#nixosConfigurations.a.config.deployment.keys.read.text"
	if got := flakes.Nix(t, dir, "eval", "--raw", "--impure", text); got != "from a file" {
		t.Errorf("text %q", got)
	}
	if _, err := flakes.TryNix(t, dir, "eval", "--raw", text); err == nil {
		t.Error("a pure evaluation reads a file outside of the flake")
	}
	system := build(t, dir, "a")
	if got := read(t, system, "etc/fleet/units"); got != "fleet-app.service\nb\\x2bc-key.path\nleast-key.path\nread-key.path\n" {
		t.Errorf("starts %q", got)
	}
}

func TestMistakesAreErrors(t *testing.T) {
	dir := flakes.Fleet(t, map[string]flakes.Node{
		"good":    {},
		"throws":  {Faults: []string{"eval-throws"}, Message: "thrown on purpose"},
		"fault":   {Faults: []string{"no-such-thing"}},
		"setting": {Deployment: map[string]any{"targetHots": "a"}},
		"key":     {Keys: map[string]map[string]any{"a": {"txt": "x"}}},
		"need":    {Needs: []string{"no-key"}},
	})
	for name, want := range map[string]string{
		"throws":  "thrown on purpose",
		"fault":   "no such fault: no-such-thing",
		"setting": "deployment.targetHots",
		"key":     "deployment.keys.a.txt",
		"need":    "needs a key that is not there: no-key",
	} {
		_, err := flakes.TryNix(t, dir, "eval", "--json", ".#nixosConfigurations."+name, "--apply", readNode)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
	evaluate(t, dir, "good")
}

func TestAwkwardNamesEvaluate(t *testing.T) {
	dir := flakes.Names(t)
	var paths map[string]string
	decode(t, flakes.Nix(t, dir, "eval", "--json", ".#nixosConfigurations", "--apply",
		"builtins.mapAttrs (name: c: c.config.system.build.toplevel.drvPath)"), &paths)
	for _, name := range append(flakes.AwkwardNames(), "option-host") {
		if !strings.HasPrefix(paths[name], "/nix/store/") {
			t.Errorf("%q: system %q", name, paths[name])
		}
		delete(paths, name)
	}
	if len(paths) != 0 {
		t.Errorf("nodes that nobody asked for: %v", paths)
	}
}

func TestRewriteKeepsOtherSystems(t *testing.T) {
	nodes := map[string]flakes.Node{"a": {}, "b": {}}
	dir := flakes.Fleet(t, nodes)
	a, b := evaluate(t, dir, "a"), evaluate(t, dir, "b")
	nodes["b"] = flakes.Node{Version: "2.0"}
	flakes.Rewrite(t, dir, nodes)
	if again := evaluate(t, dir, "a"); again.StorePath != a.StorePath {
		t.Errorf("a changed: %s, %s", a.StorePath, again.StorePath)
	}
	if again := evaluate(t, dir, "b"); again.StorePath == b.StorePath {
		t.Errorf("b did not change: %s", again.StorePath)
	}
}

// No fault is missing from the description, and systems hold theirs.
func TestEveryFaultIsDescribed(t *testing.T) {
	readme, err := os.ReadFile("fleet/README.md")
	if err != nil {
		t.Fatal(err)
	}
	scripts, err := os.ReadDir("fleet/system/faults")
	if err != nil {
		t.Fatal(err)
	}
	faults := []string{"unit-fails", "reboot-needed", "eval-throws", "pkgs-throws", "build-fails", "build-slow", "eval-slow", "no-units"}
	for _, script := range scripts {
		faults = append(faults, script.Name())
	}
	for _, fault := range faults {
		if !strings.Contains(string(readme), fault) {
			t.Errorf("fleet/README.md says nothing of %s", fault)
		}
	}
	dir := flakes.Fleet(t, map[string]flakes.Node{"all": {Faults: slices.DeleteFunc(slices.Clone(faults), func(f string) bool {
		return strings.HasSuffix(f, "-throws") || f == "build-fails" || strings.HasSuffix(f, "-slow")
	})}})
	system := build(t, dir, "all")
	for _, script := range scripts {
		info, err := os.Stat(filepath.Join(system, "faults", script.Name()))
		if err != nil || info.Mode()&0o111 == 0 {
			t.Errorf("fault %s is not in the system, or can't run: %v", script.Name(), err)
		}
	}
}
