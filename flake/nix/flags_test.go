package nix

import (
	"slices"
	"strings"
	"testing"
)

func TestSortFlags(t *testing.T) {
	for _, c := range []struct{ flags, global, eval, store string }{
		{"", "", "", ""},
		{"--impure", "", "--impure", ""},
		{"--option a b --impure --max-jobs 4", "--option a b --max-jobs 4", "--impure", "--option a b --max-jobs 4"},
		{"--option --impure --refresh", "--option --impure --refresh", "", "--option --impure --refresh"},
		{"--override-input x y --show-trace", "--show-trace", "--override-input x y", "--show-trace"},
		{"--refresh -L --builders x", "--refresh -L --builders x", "", "--builders x"},
		{"--offline", "--offline", "", "--option substitute false"},
		{"--some-setting 3 -I x=y --other", "--some-setting 3 --other", "-I x=y", "--some-setting 3 --other"},
		{"--log-format bar --quiet", "--quiet", "", "--quiet"},
		{"--override-input x", "", "--override-input x", ""},
	} {
		got := sortFlags(strings.Fields(c.flags))
		for _, p := range [][2]string{
			{strings.Join(got.global, " "), c.global},
			{strings.Join(got.eval, " "), c.eval},
			{strings.Join(got.store, " "), c.store},
		} {
			if p[0] != p[1] {
				t.Errorf("%q: %q, want %q", c.flags, p[0], p[1])
			}
		}
	}
}

func TestArgvOfEachCall(t *testing.T) {
	n := &Programs{Flags: []string{"--impure", "--option", "a", "b"}}
	want := []string{"nix", "--extra-experimental-features", "nix-command flakes", "--option", "a", "b",
		"flake", "metadata", "--json", "x", "--no-update-lock-file", "--impure"}
	if got := n.EvalArgv("flake", "metadata", "--json", "x"); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := spoken(want); got != "nix flake metadata" {
		t.Error(got)
	}
	if got := n.StoreArgv("--add", "x"); !slices.Equal(got, []string{"nix-store", "--add", "x", "--option", "a", "b"}) {
		t.Errorf("%q", got)
	}
}
