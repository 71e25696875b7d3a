package fleet

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"flakeops/activate/wire"
	"flakeops/internal/fault"
)

// TakeBack brings the nodes that this run deployed back to the systems they had, if
// an activation failed: as deployments of their own with the same safety, each that
// its host has committed, whatever became of it afterwards.
func (r *Run) TakeBack(ctx context.Context) {
	if !r.broken.Load() || ctx.Err() != nil {
		return
	}
	var all errgroup.Group
	all.SetLimit(r.Parallel)
	for _, n := range r.Nodes {
		if n.Activation.Final.Outcome.OK() && n.previous() != n.System.Out {
			all.Go(func() error {
				n.takeBack(ctx)
				return nil
			})
		}
	}
	_ = all.Wait()
}

// previous is the system that a node had: for the goal boot the one it would have
// booted, otherwise the one that ran.
func (n *Node) previous() string {
	f := n.KnownFacts()
	switch {
	case n.run.Goal == wire.Boot && f.Profile != "":
		return f.Profile
	case n.run.Goal != wire.Boot && n.Activation.Old != "":
		return n.Activation.Old
	}
	return f.Running
}

// takeBack is told apart from the node's own deployment: what that was, and what it
// found, stays on record.
func (n *Node) takeBack(ctx context.Context) {
	before := n.Result()
	req, err := n.request(ctx, n.previous())
	if err == nil {
		n.Activation.BackID = req.ID
		n.began(TakingBack)
		_, err = n.activate(ctx, req, func(wire.Event) {})
	}
	after := Result{Outcome: TakenBack, Note: errHeld.Error(), Err: before.Err, Hint: before.Hint}
	switch {
	case err != nil:
		err = fmt.Errorf("taking back, %w: %w", errHeld, err)
		after = Failure(fault.As(fault.Unknown, err))
		after.Outcome, after.Note = NotTakenBack, err.Error()
	case before.Err != nil:
		after.Note += "; " + before.String()
	}
	n.replace(after)
	n.tellEnd()
}
