package flake

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

// Every option that is told apart is taken by nix where it is put.
func TestNixTakesFlagsWhereTheyArePut(t *testing.T) {
	n, ctx := realNix(t)
	dir := writeFlake(t, `a = plain "a";`)
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

// --impure is seen by the evaluation.
func TestFlagsReachTheEvaluation(t *testing.T) {
	n, ctx := realNix(t)
	t.Setenv("FLAKE_TEST_NAME", "from-outside")
	dir := writeFlake(t, `a = plain ("x" + builtins.getEnv "FLAKE_TEST_NAME");`)
	if got := nodes(t, n, ctx, dir)["a"].Out; !strings.HasSuffix(got, "-nixos-system-x") {
		t.Errorf("pure: %s", got)
	}
	n.Flags = []string{"--impure"}
	if got := nodes(t, n, ctx, dir)["a"].Out; !strings.HasSuffix(got, "-nixos-system-xfrom-outside") {
		t.Errorf("impure: %s", got)
	}
}

func TestArgvOfEachCall(t *testing.T) {
	n := &Nix{Flags: []string{"--impure", "--option", "a", "b"}}
	want := []string{"nix", "--extra-experimental-features", "nix-command flakes", "--option", "a", "b",
		"flake", "metadata", "--json", "x", "--no-update-lock-file", "--impure"}
	if got := n.evalArgv("flake", "metadata", "--json", "x"); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := spoken(want); got != "nix flake metadata" {
		t.Error(got)
	}
	if got := n.storeArgv("--add", "x"); !slices.Equal(got, []string{"nix-store", "--add", "x", "--option", "a", "b"}) {
		t.Errorf("%q", got)
	}
}
