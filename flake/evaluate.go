package flake

import (
	"context"
	"errors"
)

// Evaluation is how the evaluation of one node ended: Node, or Err.
type Evaluation struct {
	Name string
	Node Node
	Err  error // *EvalError
}

// Evaluate evaluates the named nodes in parallel, one process per node, and
// reports each one, serially, as it is done. It returns only errors that
// concern the whole run.
func (f *Flake) Evaluate(ctx context.Context, names []string, report func(Evaluation)) error {
	return errors.New("not implemented")
}
