package flake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// closureBatch is how many store paths go on one command line.
const closureBatch = 5000

// Closure returns the store paths that a path of the local store needs at run
// time, itself among them, with their sizes in bytes as a NAR has them. It is
// nil for a path that is not in the store: nothing is built or fetched.
func (n *Nix) Closure(ctx context.Context, storePath string) (map[string]int64, error) {
	a, err := n.ask(ctx, n.storeArgv("--query", "--requisites", storePath))
	var exit *exitError
	if errors.As(err, &exit) && exit.says("is not valid") {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading what %s consists of: %w", storePath, err)
	}
	sizes := map[string]int64{}
	for paths := range slices.Chunk(splitLines(a.out), closureBatch) {
		a, err := n.ask(ctx, n.storeArgv(append([]string{"--query", "--size"}, paths...)...))
		if err != nil {
			return nil, fmt.Errorf("reading the size of %s: %w", storePath, err)
		}
		answers := splitLines(a.out)
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
