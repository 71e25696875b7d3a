package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"flakeops/activate/inspect"
	"flakeops/flake"
	"flakeops/internal/cli/document"
	"flakeops/internal/cli/exit"
	"flakeops/internal/cli/usage"
	"flakeops/internal/deployer"
	"flakeops/internal/fleet"
	"flakeops/internal/ui"
)

type lockCmd struct {
	asking `embed:""`

	Check  bool `help:"Ask no host, and fail when an input of the flake's own is older than --max-age."`
	MaxAge age  `default:"30d" placeholder:"AGE" help:"Age from which an input is stale: a number of hours, days, weeks or years, such as 36h, 30d, 6w or 1y (default 30d)."`

	pins *answers[inspect.Pins]
}

// Help is the verb's detailed help.
func (lockCmd) Help() string {
	return `Lists what flake.lock pins, and with which revision of nixpkgs each host's running system was made: a host that does not follow the lock, or that still has channels, is seen. Only settings are evaluated. A host that cannot be reached keeps no other from being told of.

With --check only flake.lock is read, for CI: the exit status is 1 when one of the flake's own inputs is older than --max-age.`
}

// Run lists.
func (c lockCmd) Run(ctx context.Context, s *session) error {
	if c.Check {
		return c.check(ctx, s)
	}
	c.pins = &answers[inspect.Pins]{}
	return s.take(ctx, c)
}

func (c lockCmd) steps(ctx context.Context, r *fleet.Run, _ confirmer) {
	c.pins.askAll(ctx, r, inspect.ReadPins)
}

func (c lockCmd) report(r *fleet.Run, u *ui.UI, code int) error {
	lock := document.OfLock(r.Flake, r.Locked, c.stale(r.Locked), code)
	lock.AddHosts(r.Nodes, c.pins.all())
	return lock.Write(u)
}

func (c lockCmd) stale(inputs []flake.LockedInput) []flake.LockedInput {
	return flake.Stale(inputs, time.Duration(c.MaxAge), time.Now())
}

// check tells of the lock alone, which needs nothing evaluated.
func (c lockCmd) check(ctx context.Context, s *session) error {
	if len(c.On)+len(c.Exclude) > 0 {
		return usage.Errorf("--check asks no host, so it takes no --on and no --exclude")
	}
	u, log := s.open(c.form())
	defer u.Close()
	fl, err := deployer.OpenAlone(ctx, c.nix(log), c.Flake)
	u.Close()
	if err != nil {
		return s.refuse(u, err)
	}
	code, stale := exit.Done, c.stale(fl.Locked)
	if len(stale) > 0 {
		code = exit.Other
	}
	doc := document.OfLock(deployer.OriginOf(fl), fl.Locked, stale, code)
	for _, in := range stale {
		u.Error(fmt.Errorf("input %s is older than %s: run `nix flake update`, and deploy", in.Name, c.MaxAge))
	}
	u.Summarise(doc.Summary(s.verb))
	return exit.With(code, errors.Join(doc.Write(u), u.Over(code, nil)))
}
