// Command bench compares flakeops with a shell script that deploys by the raw
// commands, on hosts of its own: how long both take, what the magic rollback
// costs, how much memory the deployer needs, and what nix copy gains by the
// connection it is lent. What decides are ratios of runs that follow each
// other, for the machine may be busy with other things. It exits with 1 when a
// bar is missed.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/rs/zerolog"

	"flakeops/tests/lab/host"
)

type options struct {
	Flakeops string `default:"./flakeops" type:"existingfile" help:"The program to measure; \"make build\" makes it."`
	Rounds   int    `default:"5" help:"How often each comparison is made."`
	Hosts    int    `default:"6" help:"How many hosts the larger fleet has."`
}

func main() {
	var o options
	kong.Parse(&o, kong.Name("bench"), kong.Description("Measures flakeops on lab hosts."), kong.UsageOnError())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	passed, err := o.run(ctx, os.Stdout, os.Stderr)
	stop()
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	case !passed:
		os.Exit(1)
	}
}

// run measures everything and says whether all bars are kept.
func (o options) run(ctx context.Context, stdout, progress io.Writer) (passed bool, err error) {
	log := zerolog.New(zerolog.ConsoleWriter{Out: progress, PartsExclude: []string{zerolog.TimestampFieldName}})
	if err := host.Ensure(ctx, log); err != nil {
		return false, err
	}
	began := time.Now()
	b, err := newBench(ctx, o, progress)
	if err != nil {
		return false, err
	}
	defer func() {
		if closeErr := b.close(); err == nil {
			err = closeErr
		}
	}()
	var r report
	for _, measure := range []func(context.Context, *report) error{
		b.pairs, b.rollback, b.memory, b.plan, b.keys, b.lending, b.daily,
	} {
		if err := measure(ctx, &r); err != nil {
			return false, err
		}
	}
	fmt.Fprintf(progress, "measured in %s\n", time.Since(began).Round(time.Second))
	return r.passed(), r.print(stdout)
}
