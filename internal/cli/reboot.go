package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"flakeops/activate/wire"
	"flakeops/flake"
	"flakeops/internal/fault"
)

type rebootCmd struct {
	selection `embed:""`
	reach     `embed:""`
	nixFlags  `embed:""`
	answer    `embed:""`
	noKeys    `embed:""`

	Parallel  int  `short:"p" default:"1" placeholder:"N" help:"Hosts to reboot at once (default 1)."`
	KeepGoing bool `short:"k" help:"Reboot the other hosts although one did not come back well."`
	NoWait    bool `help:"Only order the reboots."`
	Timeout   int  `default:"600" placeholder:"SECONDS" help:"Time for a host to come back (default 600)."`
}

// Help is the verb's detailed help.
func (rebootCmd) Help() string {
	return `Reboots the selected hosts, as many at once as --parallel says, and waits for each to answer again from another boot. A host that comes back must run the system of its profile, and has its keys sent again. Units that failed are named.

A host that does not come back well keeps the others from being rebooted.`
}

// Run reboots.
func (c rebootCmd) Run(ctx context.Context, s *session) error {
	if c.Timeout < 1 {
		return usagef("--timeout takes at least one second")
	}
	flags := pipelineFlags{c.selection, pace{c.Parallel, c.KeepGoing}, c.reach, c.nixFlags, c.answer}
	return s.pipeline(ctx, flags, plan{through: throughReach, want: flake.SettingsOnly, visit: c.reboot, keys: !c.NoKeys && !c.NoWait})
}

// rebootTimeout is how many seconds deploy --reboot gives a host to come back.
const rebootTimeout = 600

// rebootAll reboots the hosts that do not run yet what they boot, one after the
// other. A failure, of the deployment or of a reboot, keeps the others from it.
func (p *pipeline) rebootAll(ctx context.Context) {
	for _, n := range p.nodes {
		done := n.ended()
		late := done.outcome == outcomeUpToDate && n.lateToBoot()
		if done.outcome != string(wire.BootSet) && !late {
			continue
		}
		if p.halted.Load() || ctx.Err() != nil {
			done.note = notes(done.note, "not rebooted")
			n.replace(done)
			continue
		}
		n.replace(result{})
		if err := p.reboot(ctx, p, n); err != nil {
			p.fail(n, err)
		}
	}
}

// lateToBoot says whether the node's host has not booted the node's system yet.
func (n *node) lateToBoot() bool { return n.facts.Booted != n.system.Out }

// reboot takes one host through a reboot.
func (c rebootCmd) reboot(ctx context.Context, p *pipeline, n *node) error {
	p.screen.Status(n.name, "rebooting")
	if err := n.host.Reboot(ctx); err != nil {
		return err
	}
	if c.NoWait {
		p.end(n, result{outcome: outcomeOrdered})
		return nil
	}
	p.screen.Status(n.name, "waiting for the host to come back")
	limit := time.Duration(c.Timeout) * time.Second
	back, cancel := within(ctx, limit, "the reboot")
	defer cancel()
	before := n.facts.BootID
	facts, err := n.host.AwaitBoot(back, before)
	if err != nil {
		return afterOrder(ctx, fault.Unknown, err)
	}
	n.facts = facts
	if err := p.sendAll(ctx, n); err != nil {
		return afterOrder(ctx, fault.Keys, err)
	}
	if facts.Running != facts.Profile {
		return fault.During(fault.Unknown, fmt.Errorf("it booted %s, but its profile is %s: look at its boot loader", facts.Running, facts.Profile))
	}
	return p.afterBoot(ctx, n)
}

// afterOrder is for an error after the host was told to reboot: one that cannot be
// reached by then is not one that was left alone.
func afterOrder(ctx context.Context, class fault.Class, err error) error {
	if err = because(ctx, err); errors.Is(err, fault.ErrInterrupted) || fault.Of(err) == fault.Refused {
		return err
	}
	return fault.As(class, err)
}

// afterBoot sees to what a boot leaves undone.
func (p *pipeline) afterBoot(ctx context.Context, n *node) error {
	p.screen.Status(n.name, "waiting for its units")
	ctx, cancel := within(ctx, unitsDeadline, "waiting for the units")
	defer cancel()
	failed, err := n.host.FailedUnits(ctx)
	if err != nil {
		return afterOrder(ctx, fault.Unknown, err)
	}
	n.final.Units = failed
	if len(failed) > 0 {
		return fault.During(fault.Unknown, fmt.Errorf("it is back, but units failed: %s", strings.Join(failed, ", ")))
	}
	p.end(n, result{outcome: outcomeRebooted})
	return nil
}

// end records how a node ended well, and says so.
func (p *pipeline) end(n *node, r result) {
	n.end(r)
	p.screen.End(n.name, r.told())
}
