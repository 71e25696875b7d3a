// Command flakeops deploys the nixosConfigurations of a flake to hosts. The
// same binary is the operator's program, the ssh that nix runs to copy store paths,
// and, where the small agent is not beside it, the agent on a host.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"flakeops/internal/cli"
	"flakeops/internal/fault"
)

func main() {
	os.Exit(cli.Main(signalContext(), os.Args, os.Stdin, os.Stdout, os.Stderr))
}

// lastWords is the time for the table, and to tidy up, once no host is waited for.
const lastWords = 5 * time.Second

// signalContext returns a context that the first signal cancels, so that what
// is under way can be undone. With the second no host is waited for; the third, or
// lastWords after the second, ends the process at once.
func signalContext() context.Context {
	giveUp := make(chan struct{})
	ctx, cancel := context.WithCancelCause(cli.WithGiveUp(context.Background(), giveUp))
	signals := make(chan os.Signal, 3)
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
		cancel(fault.ErrInterrupted)
		<-signals
		close(giveUp)
		select {
		case <-signals:
		case <-time.After(lastWords):
		}
		os.Exit(cli.ExitInterrupted)
	}()
	return ctx
}
