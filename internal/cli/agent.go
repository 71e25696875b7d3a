package cli

import (
	"context"

	"flakeops/activate/agent"
)

type agentCmd struct {
	Args []string `arg:"" optional:""`
}

// Run hands over to the agent, whose exit status is the process's.
func (c agentCmd) Run(ctx context.Context, s *session) error {
	if code := agent.Main(ctx, c.Args, s.stdin, s.stdout, s.stderr); code != 0 {
		return exitStatus(code)
	}
	return nil
}
