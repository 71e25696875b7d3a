package flake

import (
	"context"
	"errors"
)

// Selection says which nodes a command is for; the zero value means all.
type Selection struct {
	Node    string   // one exact name
	On      []string // names, globs and @tags; each may be a comma list
	Exclude []string // the same, taken away from what On selects
}

// Select resolves sel to sorted node names.
func (f *Flake) Select(ctx context.Context, sel Selection) ([]string, error) {
	return nil, errors.New("not implemented")
}
