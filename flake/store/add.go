package store

import (
	"context"
	"fmt"
	"strings"

	"flakeops/internal/nixname"
)

// Add puts one file into the local store, under its own base name, and returns
// its store path. The same content always gives the same path.
func (n Local) Add(ctx context.Context, path string) (string, error) {
	if strings.HasPrefix(path, "-") {
		path = "./" + path
	}
	a, err := n.Ask(ctx, n.StoreArgv("--add", path))
	if err != nil {
		return "", fmt.Errorf("cannot add %s to the store: %w", path, err)
	}
	out := a.Lines()
	if len(out) != 1 || !nixname.IsStorePath(out[0]) {
		return "", fmt.Errorf("cannot add %s to the store: nix-store printed no store path", path)
	}
	return out[0], nil
}
