package fleet

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"flakeops/activate"
	"flakeops/activate/wire"
	"flakeops/internal/fault"
	"flakeops/internal/limit"
)

// RebootAll reboots the hosts that do not run yet what they boot, one after the
// other. A failure, of the deployment or of a reboot, keeps the others from it.
func (r *Run) RebootAll(ctx context.Context, within time.Duration) {
	for _, n := range r.Nodes {
		done := n.Result()
		if done.Outcome != Outcome(wire.BootSet) && (done.Outcome != UpToDate || n.Booted()) {
			continue
		}
		if r.halted.Load() || ctx.Err() != nil {
			if done.Note != "" {
				done.Note += "; "
			}
			done.Note += "not rebooted"
			n.replace(done)
			continue
		}
		n.replace(Result{})
		if err := n.Reboot(ctx, within); err != nil {
			r.fail(n, err)
		} else {
			r.finish(n, Result{Outcome: Rebooted})
		}
	}
}

// Booted says whether the node's host has booted the node's system.
func (n *Node) Booted() bool { return n.KnownFacts().Booted == n.System.Out }

// OrderReboot has the host reboot, and does not wait for that.
func (n *Node) OrderReboot(ctx context.Context) error {
	h, err := n.Host(ctx)
	if err != nil {
		return err
	}
	n.began(Rebooting)
	return activate.Reboot(ctx, h)
}

// Reboot takes the host through a reboot, for which it has so long: it comes back,
// gets its keys, runs what its profile holds, and no unit has failed.
func (n *Node) Reboot(ctx context.Context, within time.Duration) error {
	if err := n.OrderReboot(ctx); err != nil {
		return err
	}
	facts, err := n.awaitBoot(ctx, within)
	if err != nil {
		return afterOrder(ctx, fault.Unknown, err)
	}
	if err := n.SendKeys(ctx); err != nil {
		return afterOrder(ctx, fault.Keys, err)
	}
	if facts.Running != facts.Profile {
		return fault.During(fault.Unknown, fmt.Errorf("it booted %s, but its profile is %s: look at its boot loader", facts.Running, facts.Profile))
	}
	return n.awaitUnits(ctx)
}

// awaitBoot has the connection to the host that is back take the place of the old one.
func (n *Node) awaitBoot(ctx context.Context, within time.Duration) (activate.Facts, error) {
	n.began(AwaitingBoot)
	ctx, cancel := limit.Within(ctx, within, "the reboot")
	defer cancel()
	host, err := n.reached(ctx)
	if err != nil {
		return activate.Facts{}, err
	}
	link, facts, err := activate.AwaitBoot(ctx, host, n.KnownFacts().BootID)
	if err != nil {
		return facts, limit.Because(ctx, err)
	}
	host.Adopt(link)
	n.facts.Set(facts)
	return facts, nil
}

// afterOrder is for an error after the host was told to reboot: one that cannot be
// reached by then is not one that was left alone.
func afterOrder(ctx context.Context, class fault.Class, err error) error {
	if err = limit.Because(ctx, err); errors.Is(err, fault.ErrInterrupted) || fault.Of(err) == fault.Refused {
		return err
	}
	return fault.As(class, err)
}

// awaitUnits sees to what a boot leaves undone.
func (n *Node) awaitUnits(ctx context.Context) error {
	h, err := n.Host(ctx)
	if err != nil {
		return err
	}
	n.began(AwaitingUnits)
	ctx, cancel := limit.Within(ctx, unitsDeadline, "waiting for the units")
	defer cancel()
	failed, err := activate.FailedUnits(ctx, h.Root())
	if err != nil {
		return afterOrder(ctx, fault.Unknown, err)
	}
	if n.Units = failed; len(failed) > 0 {
		return fault.During(fault.Unknown, fmt.Errorf("it is back, but units failed: %s", strings.Join(failed, ", ")))
	}
	return nil
}
