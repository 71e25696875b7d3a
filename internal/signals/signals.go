// Package signals is how both programs take the signals that ask them to end.
package signals

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// lastWords is the time to say how it ended, and to tidy up, after the second signal.
const lastWords = 5 * time.Second

// Context returns a context that the first signal ends, with the cause given, so that
// what is under way can be undone. The second calls again; the third, or lastWords
// after the second, calls end, which is to end the process.
func Context(parent context.Context, cause error, again, end func()) context.Context {
	ctx, cancel := context.WithCancelCause(parent)
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
		cancel(cause)
		<-signals
		again()
		select {
		case <-signals:
		case <-time.After(lastWords):
		}
		end()
	}()
	return ctx
}
