package cli

import (
	"context"

	"flakeops/internal/cli/document"
	"flakeops/internal/fleet"
	"flakeops/internal/ui"
)

type buildCmd struct {
	selection `embed:""`
	nixFlags  `embed:""`
	events    `embed:""`

	KeepGoing bool      `short:"k" help:"Build the other nodes when one cannot be evaluated."`
	Partition partition `placeholder:"K/N" help:"Only the K-th of N parts of the selected nodes, for N machines that share the work."`
}

// Help is the verb's detailed help.
func (buildCmd) Help() string {
	return "Prints one store path per line, in the order of the nodes' names. Nodes without a targetHost are built too."
}

// Run builds.
func (c buildCmd) Run(ctx context.Context, s *session) error {
	return s.take(ctx, c)
}

func (c buildCmd) flags() fleetFlags {
	return fleetFlags{c.selection, pace{KeepGoing: c.KeepGoing}, reach{}, c.nixFlags, c.events, c.Partition}
}

func (buildCmd) options() fleet.Options { return fleet.Options{Local: true} }

func (buildCmd) steps(ctx context.Context, r *fleet.Run, _ confirmer) {
	r.Each(ctx, fleet.AllAtOnce, func(ctx context.Context, n *fleet.Node) (fleet.Result, error) {
		return fleet.Result{Outcome: fleet.Built}, n.Built(ctx)
	})
}

func (buildCmd) report(r *fleet.Run, u *ui.UI, code int) error {
	return document.WriteBuilt(u, r, code)
}
