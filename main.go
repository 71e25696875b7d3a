// Command flakeops deploys the nixosConfigurations of a flake to hosts. The
// same binary is the operator's program, the ssh that nix runs to copy store paths,
// and, where the small agent is not beside it, the agent on a host.
package main

import (
	"context"
	"os"

	"flakeops/internal/cli"
	"flakeops/internal/fault"
	"flakeops/internal/signals"
)

// The first signal has what is under way undone; with the second no host is waited for.
func main() {
	giveUp := make(chan struct{})
	ctx := signals.Context(cli.WithGiveUp(context.Background(), giveUp), fault.ErrInterrupted,
		func() { close(giveUp) }, func() { os.Exit(cli.ExitInterrupted) })
	os.Exit(cli.Main(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr))
}
