// Command flakeops-agent is the agent alone, without the operator's program: it is
// pushed to every host and runs as root there. It takes the command lines that
// flakeops takes as an agent, so that either can be a deployment's.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"flakeops/activate/agent"
)

func main() {
	if len(os.Args) < 2 || os.Args[1] != "agent" {
		fmt.Fprintln(os.Stderr, "flakeops-agent: run by flakeops on the hosts it deploys to, as flakeops-agent agent VERB")
		os.Exit(2)
	}
	os.Exit(agent.Main(signalContext(), os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
}

// lastWords is the time after the second signal to bring to an end what is under way.
const lastWords = 5 * time.Second

// signalContext returns a context that the first signal cancels, as in flakeops.
func signalContext() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 3)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	// A deployer that no longer reads is an error of that write, not the end of a deployment.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	go func() {
		<-signals
		cancel(errors.New("interrupted"))
		<-signals
		select {
		case <-signals:
		case <-time.After(lastWords):
		}
		os.Exit(130)
	}()
	return ctx
}
