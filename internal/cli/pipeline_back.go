package cli

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"flakeops/activate/wire"
	"flakeops/internal/fault"
)

// takeBackAll brings the nodes that this run deployed back to the systems they
// had, as deployments of their own with the same safety: each that its host has
// committed, whatever became of it afterwards.
func (p *pipeline) takeBackAll(ctx context.Context) {
	var g errgroup.Group
	g.SetLimit(p.parallel)
	for _, n := range p.nodes {
		if n.final.Outcome.OK() && p.previous(n) != n.system.Out {
			g.Go(func() error {
				p.takeBack(ctx, n)
				return nil
			})
		}
	}
	_ = g.Wait()
}

// previous is the system that a node had: for the goal boot the one it would
// have booted, otherwise the one that ran.
func (p *pipeline) previous(n *node) string {
	switch {
	case p.goal == wire.Boot && n.facts.Profile != "":
		return n.facts.Profile
	case p.goal != wire.Boot && n.old != "":
		return n.old
	}
	return n.facts.Running
}

// takeBack is told apart from the node's own deployment: what that was, and what
// it found, stays on record.
func (p *pipeline) takeBack(ctx context.Context, n *node) {
	const why = "because another node failed"
	before := n.ended()
	req, err := p.request(ctx, n, p.previous(n))
	if err == nil {
		n.backID = req.ID
		p.screen.Status(n.name, "taking back")
		_, err = n.host.Activate(ctx, req, func(e wire.Event) { p.showActivation(n, e) })
	}
	if err != nil {
		err = fmt.Errorf("taking back, %s: %w", why, err)
		r := failure(fault.As(fault.Unknown, err))
		r.outcome, r.note = outcomeNotBack, err.Error()
		n.replace(r)
		p.screen.End(n.name, r.told())
		return
	}
	r := result{outcome: outcomeTakenBack, note: why, err: before.err, code: before.code}
	if before.err != nil {
		r.note = notes(why, before.told())
	}
	n.replace(r)
	p.screen.End(n.name, r.told())
}
