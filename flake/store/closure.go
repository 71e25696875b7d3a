package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"flakeops/flake/nix"
)

// closureBatch is how many store paths go on one command line.
const closureBatch = 5000

// Closure returns the store paths that a path of the local store needs at run
// time, itself among them, with their sizes in bytes as a NAR has them. It is
// nil for a path that is not in the store: nothing is built or fetched.
func (n Local) Closure(ctx context.Context, storePath string) (map[string]int64, error) {
	a, err := n.Ask(ctx, n.StoreArgv("--query", "--requisites", storePath))
	var exit *nix.ExitError
	if errors.As(err, &exit) && exit.Says("is not valid") {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading what %s consists of: %w", storePath, err)
	}
	sizes := map[string]int64{}
	for paths := range slices.Chunk(a.Lines(), closureBatch) {
		a, err := n.Ask(ctx, n.StoreArgv(append([]string{"--query", "--size"}, paths...)...))
		if err != nil {
			return nil, fmt.Errorf("reading the size of %s: %w", storePath, err)
		}
		answers := a.Lines()
		if len(answers) != len(paths) {
			return nil, fmt.Errorf("reading the size of %s: nix-store gave %d sizes for %d store paths", storePath, len(answers), len(paths))
		}
		for i, path := range paths {
			if sizes[path], err = strconv.ParseInt(answers[i], 10, 64); err != nil {
				return nil, fmt.Errorf("reading the size of %s: nix-store printed no number", path)
			}
		}
	}
	return sizes, nil
}
