package store

import (
	"maps"
	"slices"
	"testing"

	"flakeops/flake/nix/nixtest"
)

func TestReferencesAreWhatNixSays(t *testing.T) {
	n, ctx := local(t)
	node := nodes(t, n, ctx, nixtest.Flake(t, `
		a = system "a" "echo >$out" {
			x = drv "x" "echo >$out" { y = drv "y" "echo >$out" { }; };
			z = drv "z" "echo >$out" { y = drv "y" "echo >$out" { }; };
		};`))["a"]
	var want []string
	if err := n.requisites(ctx, node.Drv, func(drv string) { want = append(want, drv) }); err != nil {
		t.Fatal(err)
	}
	refs := newReferences()
	got := map[string]int{}
	if err := refs.closure(node.Drv, func(drv string) { got[drv]++ }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	if list := slices.Sorted(maps.Keys(got)); !slices.Equal(list, want) || len(want) != 4 {
		t.Errorf("read %q\nnix says %q", list, want)
	}
	for drv, times := range got {
		if times != 1 {
			t.Errorf("%s was found %d times", drv, times)
		}
	}
	if err := refs.closure("/nix/store/none.drv", func(string) {}); err == nil {
		t.Error("read a derivation that is not there")
	}
}
