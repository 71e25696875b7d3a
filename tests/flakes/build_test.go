package flakes_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"flakeops/tests/flakes"
)

// build builds a node's system and returns its store path, which nothing roots.
func build(t *testing.T, dir, name string) string {
	t.Helper()
	flakes.Nix(t, dir, "build", "--no-link", ".#"+flakes.SystemAttr(name))
	return flakes.Nix(t, dir, "eval", "--raw", ".#"+flakes.SystemAttr(name)+".outPath")
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSystemHasWhatActivationNeeds(t *testing.T) {
	dir := flakes.Fleet(t, map[string]flakes.Node{
		"it's": {Version: "1.5", Config: "blue", Faults: []string{"unit-fails", "reboot-needed", "hang"}},
		"bare": {Faults: []string{"no-units"}},
	})
	system := build(t, dir, "it's")
	for file, want := range map[string]string{
		"name":            "it's\n",
		"version":         "1.5\n",
		"system":          "x86_64-linux",
		"nixos-version":   "fleet.1.5",
		"reboot-needed":   "",
		"etc/fleet/units": "fleet-app.service\nfleet-config.service\nfleet-broken.service\n",
		"etc/fleet/bulk":  "\n",
	} {
		if got := read(t, system, file); got != want {
			t.Errorf("%s: got %q, want %q", file, got, want)
		}
	}
	for _, unit := range strings.Fields(read(t, system, "etc/fleet/units")) {
		if !strings.Contains(read(t, system, "etc/systemd/system", unit), "[Service]") {
			t.Errorf("%s is no service", unit)
		}
	}
	// A link would make them take another store path for their system.
	for _, script := range []string{"activate", "bin/switch-to-configuration", "faults/hang"} {
		info, err := os.Lstat(filepath.Join(system, script))
		if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
			t.Errorf("%s is not an executable file: %v", script, err)
		}
	}

	bare := build(t, dir, "bare")
	if got := read(t, bare, "etc/fleet/units"); got != "" {
		t.Errorf("bare starts %q", got)
	}
	if one, two := read(t, system, "sw/system/activate"), read(t, bare, "sw/system/activate"); one != two {
		t.Error("the systems share nothing")
	}
}

func TestFailingBuildSaysWhy(t *testing.T) {
	dir := flakes.Fleet(t, map[string]flakes.Node{"bad": {Faults: []string{"build-fails"}, Message: "broken on purpose"}})
	_, err := flakes.TryNix(t, dir, "build", "--no-link", "--print-build-logs", ".#"+flakes.SystemAttr("bad"))
	if err == nil || !strings.Contains(err.Error(), "build of bad fails: broken on purpose") {
		t.Errorf("got %v", err)
	}
}

func TestSlowBuildWaitsForItsGate(t *testing.T) {
	gate := filepath.Join(t.TempDir(), "gate")
	dir := flakes.Fleet(t, map[string]flakes.Node{"slow": {Faults: []string{"build-slow"}, GateFile: gate}})
	done := make(chan error, 1)
	go func() {
		_, err := flakes.TryNix(t, dir, "build", "--no-link", ".#"+flakes.SystemAttr("slow"))
		done <- err
	}()
	path := flakes.Nix(t, dir, "eval", "--raw", ".#"+flakes.SystemAttr("slow")+".outPath")
	select {
	case err := <-done:
		t.Fatalf("built before its gate opened: %v", err)
	default:
	}
	if err := os.WriteFile(gate, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if read(t, path, "name") != "slow\n" {
		t.Error("not the system of slow")
	}
}

func TestPayload(t *testing.T) {
	const bytes, paths = 1 << 20, 4
	size := func(system string) (int, map[string]bool) {
		total, seen := 0, map[string]bool{}
		for _, path := range strings.Fields(read(t, system, "etc/fleet/bulk")) {
			text := read(t, path)
			total += len(text)
			seen[text] = true
		}
		return total, seen
	}
	dir := flakes.Fleet(t, map[string]flakes.Node{
		"a": {Payload: bytes, Paths: paths, Seed: "one"},
		"b": {Payload: bytes, Paths: paths, Seed: "one", Version: "2"},
		"c": {Payload: bytes, Paths: paths, Seed: "two"},
		"d": {Payload: 1000},
		"e": {Paths: 3},
	})
	a := build(t, dir, "a")
	total, seen := size(a)
	if total != bytes || len(seen) != paths {
		t.Errorf("%d bytes in %d paths, want %d in %d", total, len(seen), bytes, paths)
	}
	if got, want := read(t, build(t, dir, "b"), "etc/fleet/bulk"), read(t, a, "etc/fleet/bulk"); got != want {
		t.Error("the same seed gave another payload")
	}
	if got, want := read(t, build(t, dir, "c"), "etc/fleet/bulk"), read(t, a, "etc/fleet/bulk"); got == want {
		t.Error("another seed gave the same payload")
	}
	if total, seen := size(build(t, dir, "d")); total != 1000 || len(seen) != 1 {
		t.Errorf("%d bytes in %d paths, want 1000 in 1", total, len(seen))
	}
	if _, seen := size(build(t, dir, "e")); len(seen) != 3 {
		t.Errorf("%d paths, want 3", len(seen))
	}
}

func TestUsage(t *testing.T) {
	dir := flakes.Fleet(t, map[string]flakes.Node{"a": {}})
	script := filepath.Join(build(t, dir, "a"), "bin/switch-to-configuration")
	for _, args := range [][]string{{}, {"sideways"}} {
		out, code := runScript(t, script, args...)
		if code != 1 || !strings.Contains(out, "[switch|boot|test|dry-activate]") {
			t.Errorf("%q: exit %d, %q", args, code, out)
		}
	}
}

func runScript(t *testing.T, script string, args ...string) (string, int) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), script, args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit == nil {
		return string(out), 0
	}
	return string(out), exit.ExitCode()
}
