package store

import (
	"context"
	"encoding/json"
	"testing"

	"flakeops/flake/nix/nixtest"
)

// local is the store of this machine.
func local(t *testing.T) (Local, context.Context) {
	t.Helper()
	n, ctx := nixtest.Programs(t)
	return Local{n}, ctx
}

// nodes are the systems of the flake in dir, by node.
func nodes(t *testing.T, n Local, ctx context.Context, dir string) map[string]Job {
	t.Helper()
	a, err := n.Ask(ctx, n.EvalArgv("eval", "--json", "path:"+dir+"#nixosConfigurations", "--apply",
		"builtins.mapAttrs (name: c: let s = c.config.system.build.toplevel; in { node = name; drv = s.drvPath; out = s.outPath; })"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]Job{}
	if err := json.Unmarshal(a.Out, &all); err != nil {
		t.Fatal(err)
	}
	return all
}
