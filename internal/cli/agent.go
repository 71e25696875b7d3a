package cli

import (
	"context"

	"flakeops/activate/agent"
	"flakeops/keys/install"
)

type agentCmd struct {
	Args []string `arg:"" optional:""`
}

// Run hands over to the agent, whose exit status is the process's.
func (c agentCmd) Run(ctx context.Context, s *session) error {
	code := 0
	if len(c.Args) == 1 && c.Args[0] == "keys" {
		code = install.Main(ctx, agent.Busy, s.stdin, s.stdout, s.stderr)
	} else {
		code = agent.Main(ctx, c.Args, s.stdin, s.stdout, s.stderr)
	}
	if code != 0 {
		return exitStatus(code)
	}
	return nil
}
