package cli

import (
	"context"

	"flakeops/activate/inspect"
	"flakeops/flake"
	"flakeops/internal/cli/document"
	"flakeops/internal/fleet"
	"flakeops/internal/ui"
)

type infoCmd struct {
	asking `embed:""`

	NoEval bool `help:"Evaluate no system, so that nothing is said to be up to date or outdated."`

	told *answers[inspect.Status]
}

// Help is the verb's detailed help.
func (infoCmd) Help() string {
	return `Asks each host what runs there and compares that with the node's evaluated system, with the host's profile and with what it booted; nothing that was written down earlier is believed. The states are, the first that is true:

Unconfirmed: a deployment is under way, was cut short, or left what runs there unconfirmed. Up to date. Foreign: what runs was not deployed by flakeops from this flake. Needs reboot: the rest is done. Outdated.

The last deployment on the host's record follows, and how long ago it was. A host that does not answer keeps no other from being told of. With --no-eval a configuration that cannot be evaluated does not matter.`
}

// Run asks.
func (c infoCmd) Run(ctx context.Context, s *session) error {
	c.told = &answers[inspect.Status]{}
	return s.take(ctx, c)
}

func (c infoCmd) options() fleet.Options {
	if c.NoEval {
		return fleet.Options{Want: flake.SettingsOnly}
	}
	return fleet.Options{}
}

func (c infoCmd) steps(ctx context.Context, r *fleet.Run, _ confirmer) {
	c.told.askAll(ctx, r, inspect.ReadStatus)
}

func (c infoCmd) report(r *fleet.Run, u *ui.UI, code int) error {
	return document.WriteInfo(u, r, c.told.all(), code)
}
