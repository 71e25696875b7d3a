package cli

import (
	"context"

	"flakeops/activate/wire"
	"flakeops/internal/settings"
)

type deployCmd struct {
	selection `embed:""`
	goals     `embed:""`
	pace      `embed:""`
	reach     `embed:""`
	overrides `embed:""`
	nixFlags  `embed:""`
	answer    `embed:""`
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
	todo := plan{
		through:           throughActivate,
		goal:              c.goal(),
		rollbackSucceeded: c.RollbackSucceeded,
		override:          c.overrides,
		keys:              !c.NoKeys && (c.goal() == wire.Switch || c.goal() == wire.Test || c.Reboot),
	}
	if c.Reboot {
		todo.reboot = rebootCmd{Timeout: rebootTimeout}.reboot
	}
	if !c.Yes && !c.DryActivate && s.onTerminal() {
		todo.surveys, todo.planKeys, todo.ask = true, todo.keys, askBeforeMany
	}
	return s.pipeline(ctx, pipelineFlags{c.selection, c.pace, c.reach, c.nixFlags, c.answer}, todo)
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

func (o overrides) check() error {
	for _, t := range []*int{o.ConfirmTimeout, o.ActivationTimeout} {
		if t != nil && (*t < 1 || *t > wire.MaxTimeout) {
			return usagef("--confirm-timeout and --activation-timeout take from 1 to %d seconds", wire.MaxTimeout)
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
