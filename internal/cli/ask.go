package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"flakeops/internal/ui"
)

// errDeclined is why no node is activated when the operator says no.
var errDeclined = errors.New("nothing was activated: you did not say yes")

// onTerminal says whether there is somebody to ask.
func (s *session) onTerminal() bool {
	is := func(stream any) bool {
		f, ok := stream.(*os.File)
		return ok && term.IsTerminal(int(f.Fd()))
	}
	return is(s.stdin) && is(s.stderr)
}

// agreed asks what the plan wants asked before the first activation, and says
// whether to go on.
func (p *pipeline) agreed(ctx context.Context) bool {
	if p.ask == nil || ctx.Err() != nil || p.halted.Load() {
		return true
	}
	ctx, cancel := within(ctx, askDeadline, "waiting for an answer")
	defer cancel()
	err := p.ask(ctx, p)
	if err == nil {
		return true
	}
	why := failure(because(ctx, err))
	if why.code != ExitInterrupted {
		why.outcome = outcomeHeld
	}
	for _, n := range p.nodes {
		if !n.upToDate || p.sendsKeys(n) {
			p.failAs(n, why)
		}
	}
	return false
}

// askBeforeMany shows what activating more than one node would change, and asks
// whether to go on.
func askBeforeMany(ctx context.Context, p *pipeline) error {
	p.each(ctx, func(n *node) {
		if n.upToDate {
			return
		}
		if err := p.planPushed(ctx, n); err != nil {
			p.fail(n, err)
		}
	})
	var asked []*node
	width := 0
	for _, n := range p.nodes {
		if p.mayGoOn(ctx, n) && !n.upToDate {
			asked = append(asked, n)
			width = max(width, len(ui.Clean(n.name)))
		}
	}
	if len(asked) < 2 {
		return nil
	}
	var question strings.Builder
	for _, n := range asked {
		fmt.Fprintf(&question, "%-*s  %s\n", width, ui.Clean(n.name), p.summary(n))
	}
	what := "Activate these %d nodes?"
	if p.reboot != nil {
		what = "Make these the default at boot of %d nodes, and reboot them one after the other?"
	}
	fmt.Fprintf(&question, what, len(asked))
	yes, err := p.confirm.Confirm(ctx, question.String())
	switch {
	case errors.Is(err, ui.ErrNoTerminal):
		return nil
	case err == nil && !yes:
		return errDeclined
	}
	return err
}

// planPushed completes the plan of a node that was pushed, agent and all.
func (p *pipeline) planPushed(ctx context.Context, n *node) error {
	if n.plan == nil || !n.plan.known() { // it was built on the host
		if err := p.survey(ctx, n); err != nil {
			return err
		}
	}
	n.plan.agentThere = p.sendsAgent()
	return p.planKeysOf(ctx, n)
}
