package fleet

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"

	"flakeops/internal/fault"
)

// errHeld is why a node does not go on although nothing is wrong with it.
var errHeld = errors.New("because another node failed")

// AllAtOnce has Each begin with every node as soon as it is evaluated.
const AllAtOnce = -1

// Each does something with every node that is evaluated and still under way, with
// atOnce of them at a time, and returns when it is done with all and none is under
// evaluation any more. A result with an outcome ends a node; an error ends it, and
// holds the others unless the run keeps going.
func (r *Run) Each(ctx context.Context, atOnce int, do func(context.Context, *Node) (Result, error)) {
	reaching, end := r.unlessHeld(ctx)
	defer end()
	var all errgroup.Group
	all.SetLimit(atOnce)
	for _, n := range r.Nodes {
		all.Go(func() error {
			<-n.evaluated
			if !r.mayGoOn(ctx, n) {
				return nil
			}
			switch res, err := do(reaching, n); {
			case err != nil:
				r.fail(n, err)
			case res.Outcome != "":
				r.finish(n, res)
			}
			return nil // each node keeps its own error
		})
	}
	_ = all.Wait()
	<-r.evaluated
}

// Going are the nodes that are still under way.
func (r *Run) Going(ctx context.Context) []*Node {
	return slices.DeleteFunc(slices.Clone(r.Nodes), func(n *Node) bool { return !r.mayGoOn(ctx, n) })
}

// mayGoOn says whether a node takes its next step.
func (r *Run) mayGoOn(ctx context.Context, n *Node) bool {
	return ctx.Err() == nil && n.Result().Outcome == "" && !r.halted.Load()
}

// fail ends a node, and holds the others unless the run keeps going.
func (r *Run) fail(n *Node, err error) {
	if r.record(n, Failure(err)) {
		n.tellEnd()
	}
}

// record ends a node that failed without a word of it. It says whether there is one
// to say.
func (r *Run) record(n *Node, res Result) bool {
	if errors.Is(res.Err, errHeld) {
		return false // Finish ends it
	}
	skip := res.Outcome == Unreachable && r.SkipUnreachable
	if skip {
		res = Result{Outcome: Skipped, Note: res.String(), Hint: res.Hint}
	}
	if !n.end(res) {
		return false
	}
	r.builder.without(n)
	if !skip && !r.KeepGoing {
		r.halted.Store(true)
	}
	return true
}

// finish ends a node that did not fail.
func (r *Run) finish(n *Node, res Result) {
	if n.end(res) {
		r.builder.without(n)
		n.tellEnd()
	}
}

// Refuse ends all nodes on which something would be changed: why keeps them from it.
func (r *Run) Refuse(why error) {
	res := Failure(why)
	if fault.Of(why) != fault.Interrupted {
		res.Outcome = Held
	}
	for _, n := range r.Nodes {
		if (!n.UpToDate() || n.SendsKeys()) && r.record(n, res) {
			n.tellEnd()
		}
	}
}
