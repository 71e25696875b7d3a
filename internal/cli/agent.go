package cli

import (
	"context"
	"io"

	"flakeops/activate/agent"
	"flakeops/keys/install"
)

// agentMain is what a deployer runs on a host.
func agentMain(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 1 && args[0] == "keys" {
		return install.Main(ctx, agent.Busy, stdin, stdout, stderr)
	}
	return agent.Main(ctx, args, stdin, stdout, stderr)
}
