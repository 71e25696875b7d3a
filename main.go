// Command flakeops deploys the nixosConfigurations of a flake to hosts. The
// same binary is the operator's program, the agent on a host, and the ssh that
// nix runs to copy store paths.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"flakeops/internal/cli"
)

func main() {
	os.Exit(cli.Main(signalContext(), os.Args, os.Stdin, os.Stdout, os.Stderr))
}

// signalContext returns a context that the first signal cancels, so that what
// is under way can be undone; the second ends the process at once.
func signalContext() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) { // nohup stays in force
			signal.Notify(signals, s)
		}
	}
	// A reader of stdout or stderr that goes away is an error of that write,
	// not the end of a deployment.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	go func() {
		<-signals
		cancel(cli.ErrInterrupted)
		<-signals
		os.Exit(cli.ExitInterrupted)
	}()
	return ctx
}
