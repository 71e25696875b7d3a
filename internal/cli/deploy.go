package cli

import (
	"context"
	"fmt"
	"time"

	"flakeops/activate"
	"flakeops/activate/wire"
	"flakeops/internal/cli/document"
	"flakeops/internal/cli/usage"
	"flakeops/internal/fault"
	"flakeops/internal/fleet"
	"flakeops/internal/settings"
	"flakeops/internal/ui"
)

type deployCmd struct {
	selection `embed:""`
	goals     `embed:""`
	pace      `embed:""`
	reach     `embed:""`
	overrides `embed:""`
	nixFlags  `embed:""`
	events    `embed:""`
	noKeys    `embed:""`

	Yes               bool `short:"y" help:"Do not ask before activating more than one node on a terminal."`
	RollbackSucceeded bool `help:"When an activation fails, take back the nodes that this run deployed."`
}

// Help is the verb's detailed help.
func (deployCmd) Help() string {
	return `Evaluates the selected nodes in parallel, builds them in one go, copies each system to its host, and activates it there once all are built and copied.

After activation flakeops connects anew. Unless it can, the host goes back to the system it had, by itself. Only a confirmed system becomes the default at boot.

On a terminal it shows what activating more than one node would change, and asks; --yes goes ahead.

The first Ctrl-C has the hosts under way go back, and waits for them; the second does not wait.`
}

// Run deploys.
func (c deployCmd) Run(ctx context.Context, s *session) error {
	if err := c.overrides.check(); err != nil {
		return err
	}
	return s.take(ctx, c)
}

func (c deployCmd) flags() fleetFlags {
	return fleetFlags{c.selection, c.pace, c.reach, c.nixFlags, c.events, partition{}}
}

func (c deployCmd) options() fleet.Options {
	o := c.activation(c.overrides)
	o.Keys = !c.NoKeys && (o.Goal == wire.Switch || o.Goal == wire.Test || c.Reboot)
	return o
}

func (c deployCmd) steps(ctx context.Context, r *fleet.Run, ask confirmer) {
	asks := ask != nil && !c.Yes && !c.DryActivate
	r.Each(ctx, fleet.AllAtOnce, func(ctx context.Context, n *fleet.Node) (fleet.Result, error) {
		return fleet.Result{}, n.Deliver(ctx, fleet.Delivery{Agent: !c.DryActivate, Compare: asks})
	})
	if asks {
		if err := c.askBeforeMany(ctx, r, ask); err != nil {
			r.Refuse(err)
		}
	}
	r.Each(ctx, r.Parallel, c.activate)
	if c.RollbackSucceeded {
		r.TakeBack(ctx)
	}
	if c.Reboot {
		r.RebootAll(ctx, rebootTimeout*time.Second)
	}
}

// activate activates one node, with its keys before and after.
func (c deployCmd) activate(ctx context.Context, n *fleet.Node) (fleet.Result, error) {
	switch {
	case n.UpToDate():
		err := c.sendKeys(ctx, n)
		return fleet.Result{Outcome: fleet.UpToDate, Note: keysNote(n)}, err
	case c.DryActivate:
		return fleet.Result{Outcome: fleet.DryActivated}, n.DryActivate(ctx)
	case c.goal() != wire.Boot:
		if err := n.SendEarlyKeys(ctx); err != nil {
			return fleet.Result{}, err
		}
	}
	if err := n.Activate(ctx); err != nil {
		return fleet.Result{}, err
	}
	if err := c.sendKeys(ctx, n); err != nil {
		return fleet.Result{}, fault.As(fault.Keys, fmt.Errorf("the new system runs, but its keys are not all there: %w", err))
	}
	final := n.Activation.Final
	return fleet.Result{Outcome: fleet.Outcome(final.Outcome), Note: notes(rebootNote(final), final.Message, keysNote(n))}, nil
}

// sendKeys sends all keys after an activation. A system that is only made the
// default at boot has no use for them yet, and one that is rebooted gets them then.
func (c deployCmd) sendKeys(ctx context.Context, n *fleet.Node) error {
	if c.goal() == wire.Boot && (!c.Reboot || !n.Booted()) {
		return nil
	}
	return n.SendKeys(ctx)
}

func (c deployCmd) report(r *fleet.Run, u *ui.UI, code int) error {
	return document.WriteTaken(u, r, code)
}

func (g goals) goal() wire.Goal {
	switch {
	case g.Test:
		return wire.Test
	case g.Boot, g.Reboot:
		return wire.Boot
	case g.DryActivate:
		return wire.DryActivate
	}
	return wire.Switch
}

// activation is what a run asks for that activates systems.
func (g goals) activation(o overrides) fleet.Options {
	goal := g.goal()
	return fleet.Options{
		Goal:   goal,
		Adjust: o.apply,
		Done:   func(f activate.Facts, system string) bool { return f.UpToDate(goal, system) },
	}
}

func (o overrides) check() error {
	for _, t := range []*int{o.ConfirmTimeout, o.ActivationTimeout} {
		if t != nil && (*t < 1 || *t > wire.MaxTimeout) {
			return usage.Errorf("--confirm-timeout and --activation-timeout take from 1 to %d seconds", wire.MaxTimeout)
		}
	}
	return nil
}

// apply puts what was given in the place of a node's settings.
func (o overrides) apply(d *settings.Settings) {
	set(&d.MagicRollback, o.MagicRollback)
	set(&d.AutoRollback, o.AutoRollback)
	set(&d.ConfirmTimeout, o.ConfirmTimeout)
	set(&d.ActivationTimeout, o.ActivationTimeout)
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}
