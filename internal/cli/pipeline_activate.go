package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"flakeops/activate/wire"
	"flakeops/internal/fault"
)

const systemProfile = "/nix/var/nix/profiles/system"

// activateAll activates what passed the barrier. A failure stops new
// activations; those under way come to their own end.
func (p *pipeline) activateAll(ctx context.Context) {
	p.each(ctx, func(n *node) {
		if n.upToDate {
			if err := p.sendAfter(ctx, n); err != nil {
				p.fail(n, err)
				return
			}
			p.end(n, result{outcome: outcomeUpToDate, note: n.keysNote()})
			return
		}
		p.activate(ctx, n)
	})
	if p.rollbackSucceeded && p.broken.Load() && ctx.Err() == nil {
		p.takeBackAll(ctx)
	}
	if p.reboot != nil {
		p.rebootAll(ctx)
	}
}

func (p *pipeline) activate(ctx context.Context, n *node) {
	if p.goal == wire.DryActivate {
		p.dryActivate(ctx, n)
		return
	}
	req, err := p.request(ctx, n, n.system.Out)
	if err != nil {
		p.fail(n, err)
		return
	}
	if err := p.sendEarly(ctx, n); err != nil {
		p.fail(n, err)
		return
	}
	n.id = req.ID
	p.screen.Status(n.name, "starting the agent")
	began := time.Now()
	final, err := n.host.Activate(ctx, req, func(e wire.Event) { p.activationEvent(n, e) })
	n.final, n.seconds = final, time.Since(began).Round(time.Millisecond).Seconds()
	if err != nil {
		p.broken.Store(true)
		p.fail(n, err)
		return
	}
	if err := p.sendAfter(ctx, n); err != nil {
		err = fmt.Errorf("the new system runs, but its keys are not all there: %w", err)
		p.fail(n, fault.As(fault.Keys, err))
		return
	}
	p.end(n, result{outcome: string(final.Outcome), note: notes(rebootNote(final), final.Message, n.keysNote())})
}

// notes joins what there is to say about a node.
func notes(of ...string) string {
	return strings.Join(slices.DeleteFunc(of, func(s string) bool { return s == "" }), "; ")
}

func rebootNote(e wire.Event) string {
	if e.Reboot {
		return "the new system wants a reboot"
	}
	return ""
}

// request fills in what the agent is to know, except for the token.
func (p *pipeline) request(ctx context.Context, n *node, system string) (wire.Request, error) {
	agent, err := p.agents.path(ctx, n.platform())
	if err != nil {
		return wire.Request{}, err
	}
	return wire.Request{
		Version:            wire.Version,
		ID:                 ulid.Make().String(),
		Node:               n.name,
		Goal:               p.goal,
		System:             system,
		Agent:              agent,
		Profile:            systemProfile,
		MagicRollback:      n.settings.MagicRollback,
		AutoRollback:       n.settings.AutoRollback,
		RebootWhenStranded: n.settings.RebootWhenStranded,
		ActivationTimeout:  n.settings.ActivationTimeout,
		ConfirmTimeout:     n.settings.ConfirmTimeout,
		Operator:           p.operator,
		Flake:              p.flake,
	}, nil
}

func (p *pipeline) activationEvent(n *node, e wire.Event) {
	if e.Kind == wire.Started {
		n.old = e.Old
	}
	p.showActivation(n, e)
}

func (p *pipeline) showActivation(n *node, e wire.Event) {
	switch e.Kind {
	case wire.Phase:
		p.screen.Status(n.name, e.Phase)
		if e.Message != "" {
			p.screen.Line(n.name, e.Message)
		}
	case wire.Output:
		p.screen.Line(n.name, e.Message)
	}
}

func (p *pipeline) dryActivate(ctx context.Context, n *node) {
	if err := p.askActivation(ctx, n); err != nil {
		p.fail(n, err)
		return
	}
	n.end(result{outcome: outcomeDry})
	p.screen.End(n.name, outcomeDry)
}

// askActivation finds out what activating the node's system would do. Where that
// fails, what was printed tells why.
func (p *pipeline) askActivation(ctx context.Context, n *node) error {
	p.screen.Status(n.name, "asking what activation would do")
	ctx, cancel := within(ctx, dryDeadline, "the dry activation")
	defer cancel()
	err := n.host.DryActivate(ctx, n.system.Out, func(line string) { n.dry = append(n.dry, line) })
	if err != nil {
		for _, line := range n.dry {
			p.screen.Line(n.name, line)
		}
	}
	return because(ctx, err)
}
