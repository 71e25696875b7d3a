// Command demo shows in a minute what flakeops does, on two hosts that it boots
// for the purpose and takes down again: a deployment, one with nothing to do,
// and one that cuts the operator off, after which the host comes back by itself.
// It exits with 1 when something is not as promised.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/rs/zerolog"

	"flakeops/tests/lab/host"
)

type options struct {
	Flakeops string `default:"./flakeops" type:"existingfile" help:"The program to show; \"make build\" makes it."`
}

func main() {
	var o options
	kong.Parse(&o, kong.Name("demo"), kong.Description("Shows what flakeops does, on two throw-away hosts."), kong.UsageOnError())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := o.run(ctx)
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case interrupted:
		fmt.Fprintln(os.Stderr, "demo: interrupted; everything is taken down")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func (o options) run(ctx context.Context) error {
	program, err := filepath.Abs(o.Flakeops)
	if err != nil {
		return err
	}
	s := newShow(os.Stdout, os.Stderr)
	s.heading("Getting ready")
	s.say("Packages that are missing are installed, and the hosts' root file systems are built.",
		"Both take a few minutes the first time, and no time after that.")
	log := zerolog.New(zerolog.ConsoleWriter{Out: os.Stderr, PartsExclude: []string{zerolog.TimestampFieldName}})
	if err := host.Ensure(ctx, log, webSuite, dbSuite); err != nil {
		return err
	}
	st, err := newStage(s, program)
	if err != nil {
		return err
	}
	err = st.play(ctx)
	if err = errors.Join(err, st.clear()); err != nil {
		return err
	}
	return s.summary()
}
