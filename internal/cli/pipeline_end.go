package cli

import (
	"context"
	"errors"
)

// errHeld is why a node does not go on although nothing is wrong with it.
var errHeld = errors.New("because another node failed")

// mayGoOn says whether a node takes its next step.
func (p *pipeline) mayGoOn(ctx context.Context, n *node) bool {
	return ctx.Err() == nil && n.ended().outcome == "" && !p.halted.Load()
}

// fail ends a node, says so, and holds the others unless the plan is to keep going.
func (p *pipeline) fail(n *node, err error) { p.failAs(n, failure(err)) }

func (p *pipeline) failAs(n *node, r result) {
	if p.record(n, r) {
		p.screen.End(n.name, n.ended().told())
	}
}

// record is failAs without a word of it. It says whether there is one to say.
func (p *pipeline) record(n *node, r result) bool {
	if errors.Is(r.err, errHeld) {
		return false // holdRest ends it
	}
	err := r.err
	skip := r.outcome == outcomeUnreachable && p.skipUnreachable
	if skip {
		r = result{outcome: outcomeSkipped, note: r.told()}
	}
	if !n.end(r) {
		return false
	}
	p.hints.add(err)
	if !skip && !p.keepGoing {
		p.halted.Store(true)
	}
	return true
}

func (p *pipeline) failAll(err error) {
	for _, n := range p.nodes {
		p.fail(n, err)
	}
}

// endAll ends what is still under way, unless the run was halted.
func (p *pipeline) endAll(outcome string) {
	if p.halted.Load() && p.through != throughBuild {
		return
	}
	for _, n := range p.nodes {
		switch {
		case p.through == throughBuild && !n.isBuilt:
		case n.upToDate:
			n.end(result{outcome: outcomeUpToDate})
		default:
			n.end(result{outcome: outcome})
		}
	}
}

// holdRest ends the nodes that did not get to their end because of others, or
// because the run was interrupted.
func (p *pipeline) holdRest(ctx context.Context) {
	for _, n := range p.nodes {
		r := result{outcome: outcomeHeld, note: "because another node failed"}
		if ctx.Err() != nil {
			r = failure(context.Cause(ctx))
		}
		if n.upToDate && !p.sendsKeys(n) && ctx.Err() == nil {
			r = result{outcome: outcomeUpToDate}
		}
		n.end(r)
	}
}

// worst is the exit code of the run.
func (p *pipeline) worst(ctx context.Context) int {
	code, whole := ExitDone, true
	for _, n := range p.nodes {
		r := n.ended()
		code = worse(code, r.code)
		whole = whole && r.err == nil && r.outcome != outcomeHeld
	}
	if ctx.Err() != nil && !whole {
		code = worse(code, ExitInterrupted)
	}
	return code
}
