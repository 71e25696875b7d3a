// Command flakeops-agent is the agent alone, without the operator's program: it is
// pushed to every host and runs as root there. It takes the command lines that
// flakeops takes as an agent, so that either can be a deployment's.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"flakeops/activate/agent"
	"flakeops/internal/signals"
)

// exitInterrupted is flakeops's, too.
const exitInterrupted = 130

func main() {
	if len(os.Args) < 2 || os.Args[1] != "agent" {
		fmt.Fprintln(os.Stderr, "flakeops-agent: run by flakeops on the hosts it deploys to, as flakeops-agent agent VERB")
		os.Exit(2)
	}
	ctx := signals.Context(context.Background(), errors.New("interrupted"), func() {}, func() { os.Exit(exitInterrupted) })
	os.Exit(agent.Main(ctx, os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
}
