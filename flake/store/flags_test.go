package store

import (
	"testing"

	"flakeops/flake/nix/nixtest"
)

// Every option that is told apart is taken by nix where it is put.
func TestNixTakesFlagsWhereTheyArePut(t *testing.T) {
	n, ctx := local(t)
	dir := nixtest.Flake(t, `a = plain "a";`)
	n.Flags = []string{
		"--impure", "--option", "warn-dirty", "false", "--max-jobs", "1", "--builders", "", "--cores", "1", "--refresh",
		"--offline", "-L", "--print-build-logs", "--show-trace", "--keep-failed", "--timeout", "100", "--eval-store", "auto",
		"-I", "x=" + dir, "--include", "y=" + dir, "--no-registries", "--no-write-lock-file", "--log-format", "bar", "-v",
		"--override-flake", "x", "y", "--substituters", "", "--fallback", "--store", "auto",
	}
	node := nodes(t, n, ctx, dir)["a"]
	var ev events
	if err := n.Build(ctx, []Job{node}, ev.add); err != nil {
		t.Fatal(err)
	}
	if e := ev.end(t, "a"); e.Kind != BuildBuilt {
		t.Fatal(e.Err)
	}
	if err := n.Copy(ctx, Copy{Store: "file://" + t.TempDir(), Paths: []string{node.Out}}); err != nil {
		t.Error(err)
	}
}
