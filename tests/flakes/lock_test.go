package flakes_test

import (
	"strings"
	"testing"

	"flakeops/tests/flakes"
)

func TestLocks(t *testing.T) {
	nodes := map[string]flakes.Node{"a": {}}
	eval := []string{"eval", "--raw", "--no-update-lock-file", ".#" + flakes.SystemAttr("a") + ".outPath"}

	flake, fleet := flakes.WithInput(t, nodes, flakes.Locked)
	before := flakes.Nix(t, flake, eval...)
	if !strings.HasPrefix(before, "/nix/store/") {
		t.Errorf("system %q", before)
	}
	other := flakes.Fleet(t, map[string]flakes.Node{"a": {Version: "2"}})
	if after := flakes.Nix(t, flake, append(eval, "--override-input", "fleet", "path:"+other)...); after == before {
		t.Error("an overridden input changed nothing")
	}
	if fleet == flake {
		t.Error("the fleet is the flake itself")
	}

	for _, state := range []flakes.Lock{flakes.Unlocked, flakes.Stale} {
		flake, _ := flakes.WithInput(t, nodes, state)
		_, err := flakes.TryNix(t, flake, eval...)
		if err == nil || !strings.Contains(err.Error(), "requires lock file changes") {
			t.Errorf("state %d: got %v", state, err)
		}
	}
}

func TestCommit(t *testing.T) {
	dir := flakes.Fleet(t, map[string]flakes.Node{"a": {}})
	first := flakes.Commit(t, dir)
	var meta struct{ Revision string }
	decode(t, flakes.Nix(t, dir, "flake", "metadata", "--json"), &meta)
	if meta.Revision != first {
		t.Errorf("revision %q, want %q", meta.Revision, first)
	}
	flakes.Rewrite(t, dir, map[string]flakes.Node{"b": {}})
	meta.Revision = ""
	decode(t, flakes.Nix(t, dir, "flake", "metadata", "--json"), &meta)
	if meta.Revision != "" {
		t.Errorf("a dirty tree has revision %q", meta.Revision)
	}
	if second := flakes.Commit(t, dir); second == first {
		t.Error("nothing was committed")
	}
}
