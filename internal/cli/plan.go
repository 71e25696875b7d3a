package cli

import (
	"context"

	"flakeops/activate/wire"
	"flakeops/internal/cli/document"
	"flakeops/internal/fleet"
	"flakeops/internal/ui"
)

type planCmd struct {
	selection `embed:""`
	reach     `embed:""`
	nixFlags  `embed:""`
	events    `embed:""`

	Parallel int  `short:"p" default:"10" placeholder:"N" help:"Hosts to copy to, and to ask, at once (default 10)."`
	Push     bool `help:"Build and copy the systems first, so that all can be told: what activation would stop and start, too."`
	NoKeys   bool `help:"Leave the keys out."`

	details bool
}

// Help is the verb's detailed help.
func (planCmd) Help() string {
	return `Tells for each selected node what a deployment would change: packages that are added, removed, up- and downgraded, the room they take, what is to be copied, keys by their names, the default at boot, and whether only a reboot puts all of it to use. One line per node; -v tells the details.

Nothing changes on any host, and nothing is built: without --push the packages can be told of systems only that are built here or on the host already, and the line says so of the others. A node that fails keeps no other from being told of.

Exits with 0 when no host would change, and with 10 when one would.`
}

// Run plans.
func (c planCmd) Run(ctx context.Context, s *session) error {
	c.details = s.verbose > 0
	return s.take(ctx, c)
}

func (c planCmd) flags() fleetFlags {
	return fleetFlags{c.selection, pace{c.Parallel, true}, c.reach, c.nixFlags, c.events, partition{}}
}

func (c planCmd) options() fleet.Options {
	return fleet.Options{Goal: wire.Switch, Keys: !c.NoKeys}
}

func (c planCmd) steps(ctx context.Context, r *fleet.Run, _ confirmer) {
	r.Each(ctx, fleet.AllAtOnce, func(ctx context.Context, n *fleet.Node) (fleet.Result, error) {
		if c.Push {
			return fleet.Result{}, n.Deliver(ctx, fleet.Delivery{Compare: true})
		}
		return fleet.Result{}, n.ReachAndCompare(ctx)
	})
	r.Each(ctx, r.Parallel, func(ctx context.Context, n *fleet.Node) (fleet.Result, error) {
		if c.Push {
			if err := askDelivered(ctx, n); err != nil {
				return fleet.Result{}, err
			}
		}
		if err := n.CompareKeys(ctx); err != nil {
			return fleet.Result{}, err
		}
		planned := fleet.Result{Outcome: fleet.UpToDate, Note: document.PlanNote(n)}
		if n.Changes() {
			planned.Outcome = fleet.Changes
		}
		return planned, nil
	})
}

// askDelivered asks what only a host that has the system can answer.
func askDelivered(ctx context.Context, n *fleet.Node) error {
	if err := n.CompareDelivered(ctx, false); err != nil {
		return err
	}
	if n.KnownFacts().Running == n.System.Out {
		return nil
	}
	return n.DryActivate(ctx)
}

func (c planCmd) report(r *fleet.Run, u *ui.UI, code int) error {
	return document.Plan{Pushed: c.Push, Details: c.details}.Write(u, r, code)
}
