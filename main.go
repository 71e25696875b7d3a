// Command flakeops deploys the nixosConfigurations of a flake to hosts. The
// same binary is the operator's program, the ssh that nix runs to copy store paths,
// and, where the small agent is not beside it, the agent on a host.
package main

import (
	"context"
	"os"
	"path/filepath"

	"flakeops/activate/agent"
	"flakeops/internal/cli"
	"flakeops/internal/cli/exit"
	"flakeops/internal/fault"
	"flakeops/internal/remote/lend"
	"flakeops/internal/signals"
)

// The first signal has what is under way undone; with the second no host is waited for.
func main() {
	giveUp := make(chan struct{})
	ctx := signals.Context(cli.WithGiveUp(context.Background(), giveUp), fault.ErrInterrupted,
		func() { close(giveUp) }, func() { os.Exit(exit.Interrupted) })
	os.Exit(play(ctx, os.Args))
}

// play gives the program the part that it is called for. Two are called by programs,
// many times in a run: they do without the operator's grammar.
func play(ctx context.Context, args []string) int {
	switch {
	case len(args) > 0 && filepath.Base(args[0]) == "ssh" && os.Getenv(lend.SocketEnv) != "":
		return lend.Shim(args[1:], os.Stdin, os.Stdout, os.Stderr)
	case len(args) > 1 && args[1] == "agent":
		return agent.Main(ctx, args[2:], os.Stdin, os.Stdout, os.Stderr)
	}
	return cli.Main(ctx, args, os.Stdin, os.Stdout, os.Stderr)
}
