package fleet

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"flakeops/activate"
	"flakeops/activate/wire"
	"flakeops/internal/limit"
)

const systemProfile = "/nix/var/nix/profiles/system"

// Activate has the node's system activated on its host, and confirms that.
func (n *Node) Activate(ctx context.Context) error {
	req, err := n.request(ctx, n.System.Out)
	if err != nil {
		return err
	}
	n.Activation.ID = req.ID
	n.began(Activating)
	began := time.Now()
	final, err := n.activate(ctx, req, func(e wire.Event) {
		if e.Kind == wire.Started {
			n.Activation.Old = e.Old
		}
	})
	n.Activation.Final, n.Activation.Seconds = final, time.Since(began).Round(time.Millisecond).Seconds()
	n.Units = final.Units
	if err != nil {
		n.run.broken.Store(true)
	}
	return err
}

// activate confirms over connections that are dialled anew. The one that confirmed
// is the host's from then on: it came after whatever the activation did to others.
func (n *Node) activate(ctx context.Context, req wire.Request, observe func(wire.Event)) (wire.Event, error) {
	host, err := n.reached(ctx)
	if err != nil {
		return wire.Event{}, err
	}
	return activate.Run(ctx, host, req, func(e wire.Event) {
		observe(e)
		switch e.Kind {
		case wire.Phase:
			n.tell(Event{Step: Activating, Kind: Progress, Text: e.Phase})
			if e.Message != "" {
				n.tell(Event{Step: Activating, Kind: Output, Text: e.Message})
			}
		case wire.Output:
			n.tell(Event{Step: Activating, Kind: Output, Text: e.Message})
		}
	})
}

// reached is the node's host as package activate takes it.
func (n *Node) reached(ctx context.Context) (activate.Host, error) {
	h, err := n.Host(ctx)
	if err != nil {
		return activate.Host{}, err
	}
	return activate.Host{
		Link:   h,
		Dial:   func(ctx context.Context) (activate.Link, error) { return fresh(ctx, h) },
		Adopt:  func(l activate.Link) { n.adopt(l.(Host)) },
		GiveUp: n.run.GiveUp,
	}, nil
}

// fresh has no link where there is an error.
func fresh(ctx context.Context, h Host) (activate.Link, error) {
	f, err := h.Fresh(ctx)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// request fills in what the agent is to know, except for the token.
func (n *Node) request(ctx context.Context, system string) (wire.Request, error) {
	agent, err := n.agent(ctx)
	if err != nil {
		return wire.Request{}, err
	}
	id, err := ulid.New(ulid.Timestamp(n.run.began), rand.Reader)
	if err != nil {
		return wire.Request{}, fmt.Errorf("making an ID: %w", err)
	}
	return wire.Request{
		Version:            wire.Version,
		ID:                 id.String(), // with the run's time, which tells that they belong together
		Node:               n.Name,
		Goal:               n.run.Goal,
		System:             system,
		Agent:              agent,
		Profile:            systemProfile,
		MagicRollback:      n.Settings.MagicRollback,
		AutoRollback:       n.Settings.AutoRollback,
		RebootWhenStranded: n.Settings.RebootWhenStranded,
		ActivationTimeout:  n.Settings.ActivationTimeout,
		ConfirmTimeout:     n.Settings.ConfirmTimeout,
		Operator:           n.run.Operator,
		Flake:              n.origin(),
	}, nil
}

// DryActivate finds out what activating the node's system would do. Where that
// fails, what was printed tells why.
func (n *Node) DryActivate(ctx context.Context) error {
	h, err := n.Host(ctx)
	if err != nil {
		return err
	}
	n.began(DryActivating)
	ctx, cancel := limit.Within(ctx, dryDeadline, "the dry activation")
	defer cancel()
	err = activate.DryActivate(ctx, h.Root(), n.System.Out, func(line string) { n.Dry = append(n.Dry, line) })
	if err != nil {
		for _, line := range n.Dry {
			n.tell(Event{Step: DryActivating, Kind: Output, Text: line})
		}
	}
	return limit.Because(ctx, err)
}
