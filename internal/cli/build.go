package cli

import "context"

type buildCmd struct {
	selection `embed:""`
	nixFlags  `embed:""`
	answer    `embed:""`

	KeepGoing bool      `short:"k" help:"Build the other nodes when one cannot be evaluated."`
	Partition partition `placeholder:"K/N" help:"Only the K-th of N parts of the selected nodes, for N machines that share the work."`
}

// Help is the verb's detailed help.
func (buildCmd) Help() string {
	return "Prints one store path per line, in the order of the nodes' names. Nodes without a targetHost are built too."
}

// Run builds.
func (c buildCmd) Run(ctx context.Context, s *session) error {
	flags := pipelineFlags{selection: c.selection, nixFlags: c.nixFlags, answer: c.answer}
	flags.KeepGoing = c.KeepGoing
	return s.pipeline(ctx, flags, plan{through: throughBuild, part: c.Partition})
}
