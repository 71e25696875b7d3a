package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"flakeops/tests/lab/host"
)

type setupCmd struct {
	Suites   []string `help:"Debian suites to prepare; all unless said."`
	Programs string   `type:"path" help:"Directory to fill with links to all programs that setup brings, and to no others."`
}

func (c *setupCmd) Run(ctx context.Context, log zerolog.Logger) error {
	if err := host.Ensure(ctx, log, c.Suites...); err != nil || c.Programs == "" {
		return err
	}
	return host.Programs(ctx, c.Programs)
}

type upCmd struct {
	Hosts    int      `default:"3" help:"How many hosts."`
	Suites   []string `help:"Debian suites they run, in turns; all unless said."`
	DiskSize int64    `help:"Bytes of disk each has beyond its image; as much as this machine has unless said."`
}

// Run boots all hosts or none.
func (c *upCmd) Run(ctx context.Context, log zerolog.Logger, which which) error {
	if c.Hosts < 1 {
		return errors.New("--hosts must be at least 1")
	}
	suites := c.Suites
	if len(suites) == 0 {
		suites = host.Suites()
	}
	if err := host.Ensure(ctx, log, suites...); err != nil {
		return err
	}
	lab, err := host.NewByHand(ctx, cmp.Or(which.Lab, host.DefaultName))
	if err != nil {
		return err
	}
	group, startCtx := errgroup.WithContext(ctx)
	for n := range c.Hosts {
		o := host.Options{
			Name: fmt.Sprintf("host%d", n+1), Suite: suites[n%len(suites)], DiskSize: c.DiskSize, Deployer: true,
		}
		group.Go(func() error {
			_, err := lab.Start(startCtx, o)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return errors.Join(err, lab.Close())
	}
	return printStatus(ctx, os.Stdout, lab)
}

type downCmd struct {
	All bool `help:"All labs that were made by hand, not only the one."`
}

// Run succeeds also when there is nothing to take down.
func (c *downCmd) Run(ctx context.Context, which which) error {
	labs, err := c.which(ctx, which.Lab)
	for _, lab := range labs {
		err = errors.Join(err, lab.Close())
	}
	return errors.Join(err, host.Sweep(ctx))
}

func (c *downCmd) which(ctx context.Context, name string) ([]*host.Lab, error) {
	if c.All {
		return host.ByHand(ctx)
	}
	switch lab, err := host.Open(ctx, name); {
	case errors.Is(err, host.ErrNoLab):
		return nil, nil
	case err != nil:
		return nil, err
	default:
		return []*host.Lab{lab}, nil
	}
}
