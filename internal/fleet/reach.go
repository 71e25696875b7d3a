package fleet

import (
	"context"
	"errors"
	"slices"

	"flakeops/activate"
	"flakeops/flake"
	"flakeops/internal/fault"
	"flakeops/internal/limit"
)

// ErrNoTarget is why a node that was asked for by its name is not taken to a host.
var ErrNoTarget = errors.New("deployment.targetHost is null, so this node is never deployed; set it, or leave the node out")

var errNoSwitch = errors.New("system.switch.enable is false, so this system cannot be activated, nor made the default at boot; set it to true, or leave the node out")

// checkTarget ends a node that is not to be taken to a host.
func (r *Run) checkTarget(n *Node) {
	named := slices.Contains(r.Named, n.Name)
	switch {
	case r.Local:
	case n.Settings.TargetHost == nil && named:
		r.fail(n, ErrNoTarget)
	case n.Settings.TargetHost == nil:
		r.finish(n, Result{Outcome: Skipped, Note: "deployment.targetHost is null"})
	case n.Settings.Kind != "" && !n.Settings.Addressed && !named:
		r.finish(n, Result{Outcome: Skipped, Note: "this is " + n.Settings.Kind + ": name it, or set deployment.targetHost"})
	case n.Settings.NoSwitch && r.Goal != "" && r.Want == flake.WithSystem:
		r.fail(n, fault.During(fault.Evaluation, errNoSwitch))
	}
}

// Reach connects to the node's host and sees that it can take the node's system.
func (n *Node) Reach(ctx context.Context) error {
	if err := n.locate(ctx); err != nil {
		return err
	}
	f, err := n.Facts(ctx)
	if err != nil {
		return err
	}
	return f.Check(n.Platform())
}

// locate refuses a node of which only its name says where it is, in a flake whose
// other outputs say where hosts are: it may be another machine.
func (n *Node) locate(ctx context.Context) error {
	r := n.run
	if n.Settings.Addressed || r.AnyAddress {
		return nil
	}
	others, err := r.addresses.Get(ctx, func(ctx context.Context) ([]flake.Other, error) {
		ctx, cancel := limit.Within(ctx, EvaluateDeadline, "evaluation")
		defer cancel()
		others, err := r.Source.Addresses(ctx)
		return others, limit.Because(ctx, err)
	})
	if err != nil {
		return err
	}
	return flake.Unsaid(n.Name, others)
}

// Host is the node's host, dialled when it is first asked for.
func (n *Node) Host(ctx context.Context) (Host, error) {
	return n.host.Get(ctx, func(ctx context.Context) (Host, error) {
		if err := n.run.dials.Acquire(ctx, 1); err != nil {
			return nil, limit.Because(ctx, err)
		}
		defer n.run.dials.Release(1)
		n.began(Connecting)
		ctx, cancel := limit.Within(ctx, DialDeadline, "connecting")
		defer cancel()
		h, err := n.run.Network.Dial(ctx, n.Name, n.Settings)
		return h, limit.Because(ctx, err)
	})
}

// Facts are what the node's host tells of itself, and whether the system is there.
// They are read as root, though any user could read them: a user who cannot become
// root is found out now, and a password is asked for, before anything was pushed.
func (n *Node) Facts(ctx context.Context) (activate.Facts, error) {
	return n.facts.Get(ctx, n.readFacts)
}

func (n *Node) readFacts(ctx context.Context) (activate.Facts, error) {
	var paths []string
	if n.System.Out != "" {
		paths = append(paths, n.System.Out)
	}
	return n.askFacts(ctx, paths)
}

// askFacts also asks which of paths the host has.
func (n *Node) askFacts(ctx context.Context, paths []string) (activate.Facts, error) {
	h, err := n.Host(ctx)
	if err != nil {
		return activate.Facts{}, err
	}
	ctx, cancel := limit.Within(ctx, factsDeadline, "reading the host's facts")
	defer cancel()
	f, err := activate.ReadFacts(ctx, h.Root(), paths...)
	return f, limit.Because(ctx, err)
}

// refresh reads the facts again, by another connection where they do not come by
// this one.
func (n *Node) refresh(ctx context.Context) error {
	f, err := n.readFacts(ctx)
	if err != nil {
		if err := n.dialAgain(ctx); err != nil {
			return err
		}
		if f, err = n.readFacts(ctx); err != nil {
			return err
		}
		if err := f.Check(n.Platform()); err != nil {
			return err
		}
	}
	n.facts.Set(f)
	return nil
}

func (n *Node) dialAgain(ctx context.Context) error {
	h, err := n.Host(ctx)
	if err != nil {
		return err
	}
	n.began(Connecting)
	ctx, cancel := limit.Within(ctx, DialDeadline, "connecting")
	defer cancel()
	fresh, err := h.Fresh(ctx)
	if err != nil {
		return limit.Because(ctx, err)
	}
	n.adopt(fresh)
	return nil
}

// adopt puts a connection into the place of the one so far.
func (n *Node) adopt(h Host) { _ = n.host.Set(h).Close() }
