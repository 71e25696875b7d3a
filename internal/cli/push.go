package cli

import (
	"context"

	"flakeops/activate"
	"flakeops/internal/cli/document"
	"flakeops/internal/fleet"
	"flakeops/internal/ui"
)

type pushCmd struct {
	selection `embed:""`
	pace      `embed:""`
	reach     `embed:""`
	nixFlags  `embed:""`
	events    `embed:""`
}

// Help is the verb's detailed help.
func (pushCmd) Help() string {
	return "Does what deploy does before it activates: the systems are on the hosts then, and nothing else there has changed."
}

// Run pushes.
func (c pushCmd) Run(ctx context.Context, s *session) error {
	return s.take(ctx, c)
}

func (c pushCmd) flags() fleetFlags {
	return fleetFlags{c.selection, c.pace, c.reach, c.nixFlags, c.events, partition{}}
}

func (pushCmd) options() fleet.Options {
	return fleet.Options{Done: func(f activate.Facts, system string) bool { return f.Present[system] }}
}

func (pushCmd) steps(ctx context.Context, r *fleet.Run, _ confirmer) {
	r.Each(ctx, fleet.AllAtOnce, func(ctx context.Context, n *fleet.Node) (fleet.Result, error) {
		err := n.Deliver(ctx, fleet.Delivery{})
		if n.UpToDate() {
			return fleet.Result{Outcome: fleet.UpToDate}, err
		}
		return fleet.Result{Outcome: fleet.Pushed}, err
	})
}

func (pushCmd) report(r *fleet.Run, u *ui.UI, code int) error { return document.WriteTaken(u, r, code) }
