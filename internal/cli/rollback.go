package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/alecthomas/kong"

	"flakeops/flake"
	"flakeops/internal/cli/document"
	"flakeops/internal/cli/usage"
	"flakeops/internal/fleet"
	"flakeops/internal/ui"
)

type rollbackCmd struct {
	Generation generation `arg:"" optional:"" help:"Number of the generation to go back to, as the hosts count them; by default to the system before the present one"`
	selection  `embed:""`
	goals      `embed:""`
	pace       `embed:""`
	reach      `embed:""`
	overrides  `embed:""`
	nixFlags   `embed:""`
	events     `embed:""`

	To  string `placeholder:"DEPLOYMENT" help:"Go back to what every host ran before this deployment, and all others of its run."`
	Yes bool   `short:"y" help:"Do not ask before activating more than one node on a terminal."`
}

// Help is the verb's detailed help.
func (rollbackCmd) Help() string {
	return `Activates a system that the host had before, as deploy does with a new one: flakeops connects anew, and unless it can, the host goes back by itself. Nothing is evaluated but the nodes' settings, nothing built, and of a system nothing copied.

Which system that is, the hosts' own records tell. Where it is not known, or not there any more, the other hosts are not touched either; --keep-going leaves such a node out.

Keys stay as they are, but for --reboot, which sends the flake's.`
}

// Run goes back.
func (c rollbackCmd) Run(ctx context.Context, s *session) error {
	if c.To != "" && c.Generation != 0 {
		return usage.Errorf("--to and a generation are two places to go back to: name one")
	}
	if err := c.overrides.check(); err != nil {
		return err
	}
	return s.take(ctx, c)
}

func (c rollbackCmd) flags() fleetFlags {
	return fleetFlags{c.selection, c.pace, c.reach, c.nixFlags, c.events, partition{}}
}

func (c rollbackCmd) options() fleet.Options {
	o := c.activation(c.overrides)
	o.Want, o.Keys = flake.SettingsOnly, c.Reboot
	return o
}

func (c rollbackCmd) steps(ctx context.Context, r *fleet.Run, ask confirmer) {
	r.Each(ctx, fleet.AllAtOnce, func(ctx context.Context, n *fleet.Node) (fleet.Result, error) {
		res, err := reachWithKeys(ctx, n)
		switch {
		case err != nil || c.To != "":
		case c.Generation != 0:
			err = n.AimAtGeneration(ctx, int(c.Generation))
		default:
			err = n.AimAtPrevious(ctx)
		}
		return res, err
	})
	if c.To != "" {
		r.AimBefore(ctx, c.To)
	}
	r.Each(ctx, fleet.AllAtOnce, func(ctx context.Context, n *fleet.Node) (fleet.Result, error) {
		if c.DryActivate || n.UpToDate() {
			return fleet.Result{}, nil
		}
		return fleet.Result{}, n.BringAgent(ctx)
	})
	if ask != nil && !c.Yes && !c.DryActivate {
		if err := c.askBeforeMany(ctx, r, ask); err != nil {
			r.Refuse(err)
		}
	}
	r.Each(ctx, r.Parallel, c.activate)
	if c.Reboot {
		r.RebootAll(ctx, rebootTimeout*time.Second)
	}
}

// activate has one host go back.
func (c rollbackCmd) activate(ctx context.Context, n *fleet.Node) (fleet.Result, error) {
	switch {
	case n.UpToDate():
		return fleet.Result{Outcome: fleet.UpToDate, Note: "it runs that system already"}, nil
	case c.DryActivate:
		return fleet.Result{Outcome: fleet.DryActivated}, n.DryActivate(ctx)
	}
	err := n.Activate(ctx)
	final := n.Activation.Final
	return fleet.Result{Outcome: fleet.Outcome(final.Outcome), Note: notes("went back", rebootNote(final), final.Message)}, err
}

func (rollbackCmd) report(r *fleet.Run, u *ui.UI, code int) error {
	return document.WriteTaken(u, r, code)
}

// generation is the number of one, 0 for none.
type generation int

// Decode takes the next argument if it is a number: another one is a flake.
func (g *generation) Decode(ctx *kong.DecodeContext) error {
	n, err := strconv.Atoi(fmt.Sprint(ctx.Scan.Peek().Value))
	if err != nil {
		return nil
	}
	ctx.Scan.Pop()
	if *g = generation(n); n < 1 {
		return errors.New("generations count from 1")
	}
	return nil
}
