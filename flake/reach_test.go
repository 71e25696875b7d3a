package flake

import (
	"strings"
	"testing"

	"flakeops/flake/nix/nixtest"
)

// --impure is seen by the evaluation.
func TestFlagsReachTheEvaluation(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	t.Setenv("FLAKE_TEST_NAME", "from-outside")
	dir := nixtest.Flake(t, `a = plain ("x" + builtins.getEnv "FLAKE_TEST_NAME");`)
	if got := nodes(t, n, ctx, dir)["a"].Out; !strings.HasSuffix(got, "-nixos-system-x") {
		t.Errorf("pure: %s", got)
	}
	n.Flags = []string{"--impure"}
	if got := nodes(t, n, ctx, dir)["a"].Out; !strings.HasSuffix(got, "-nixos-system-xfrom-outside") {
		t.Errorf("impure: %s", got)
	}
}
