package cli

import "context"

type pushCmd struct {
	selection `embed:""`
	pace      `embed:""`
	reach     `embed:""`
	nixFlags  `embed:""`
	answer    `embed:""`
}

// Help is the verb's detailed help.
func (pushCmd) Help() string {
	return "Does what deploy does before it activates: the systems are on the hosts then, and nothing else there has changed."
}

// Run pushes.
func (c pushCmd) Run(ctx context.Context, s *session) error {
	return s.pipeline(ctx, pipelineFlags(c), plan{through: throughPush})
}
