package cli

import (
	"context"
	"strings"

	"flakeops/flake"
)

// openFlake opens the flake that was asked for. When none was, and an app of a
// flake runs this program, that is the app's own flake: own is then its locked
// reference, path:SOURCE?narHash=... The work tree it was locked from is
// preferred when the operator is in it, unchanged: what the flake says of files
// beside it, such as keys, holds only there.
func openFlake(ctx context.Context, nix *flake.Nix, ref string, asked bool, own string) (*flake.Flake, error) {
	if asked || own == "" {
		return nix.Open(ctx, ref)
	}
	source, _, _ := strings.Cut(strings.TrimPrefix(own, "path:"), "?")
	if here, err := nix.Open(ctx, "."); err == nil && here.Path == source {
		return here, nil
	}
	return nix.Open(ctx, own)
}

// asksForFlake says whether a command line's FLAKE#NODE names a flake.
func asksForFlake(arg string) bool { return arg != "" && !strings.HasPrefix(arg, "#") }
