package flake

import (
	"context"
	"testing"

	"flakeops/flake/nix"
)

func open(t *testing.T, n *nix.Programs, ctx context.Context, ref string) *Flake {
	t.Helper()
	f, err := Open(ctx, n, ref)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// evaluate evaluates all nodes of the flake and gives the results by name.
func evaluate(t *testing.T, ctx context.Context, f *Flake) map[string]Evaluation {
	t.Helper()
	names, err := f.Names(ctx)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]Evaluation{}
	if err := f.Evaluate(ctx, names, WithSystem, func(e Evaluation) { all[e.Name] = e }); err != nil {
		t.Fatal(err)
	}
	if len(all) != len(names) {
		t.Fatalf("%d results for %d nodes", len(all), len(names))
	}
	return all
}

// nodes evaluates the flake in dir, of which no node may fail.
func nodes(t *testing.T, n *nix.Programs, ctx context.Context, dir string) map[string]System {
	t.Helper()
	all := map[string]System{}
	for name, e := range evaluate(t, ctx, open(t, n, ctx, dir)) {
		if e.Err != nil {
			t.Fatal(e.Err)
		}
		all[name] = e.System
	}
	return all
}
