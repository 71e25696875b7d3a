package cli

import (
	"context"
	"time"

	"flakeops/activate"
	"flakeops/activate/garbage"
	"flakeops/activate/inspect"
	"flakeops/flake"
	"flakeops/internal/cli/document"
	"flakeops/internal/cli/usage"
	"flakeops/internal/fleet"
	"flakeops/internal/run"
	"flakeops/internal/ui"
)

type gcCmd struct {
	selection `embed:""`
	pace      `embed:""`
	reach     `embed:""`
	nixFlags  `embed:""`
	events    `embed:""`

	Keep      int  `placeholder:"N" help:"Delete generations, but not the newest N."`
	OlderThan *age `placeholder:"AGE" help:"Delete generations, but only those that were made so long ago, such as 30d."`
	DryRun    bool `help:"Say which generations would go, and change nothing."`

	plans *answers[garbage.Plan]
	freed *answers[garbage.Freed]
}

// Help is the verb's detailed help.
func (gcCmd) Help() string {
	return `Deletes old generations of the hosts' systems, brings the boot loaders' menus to that, and then has Nix delete what nothing needs any more. Without --keep and --older-than no generation goes. With both, only those go that both let go.

What the profile has, what runs, what was booted and what the host ran before always stays. A host that is being deployed to is refused. Only settings are evaluated.`
}

// Run collects.
func (c gcCmd) Run(ctx context.Context, s *session) error {
	if c.Keep < 0 {
		return usage.Errorf("--keep takes a number of generations")
	}
	c.plans, c.freed = &answers[garbage.Plan]{}, &answers[garbage.Freed]{}
	return s.take(ctx, c)
}

func (c gcCmd) flags() fleetFlags {
	return fleetFlags{c.selection, c.pace, c.reach, c.nixFlags, c.events, partition{}}
}

func (gcCmd) options() fleet.Options { return fleet.Options{Want: flake.SettingsOnly} }

func (c gcCmd) steps(ctx context.Context, r *fleet.Run, _ confirmer) {
	r.Each(ctx, r.Parallel, func(ctx context.Context, n *fleet.Node) (fleet.Result, error) {
		plan, err := c.plans.ask(ctx, n, c.plan)
		switch {
		case err != nil:
			return fleet.Result{}, err
		case c.DryRun:
			return fleet.Result{Outcome: fleet.WouldCollect, Note: document.Count(len(plan.Go), "generation", "would go")}, nil
		}
		freed, err := fleet.Collect(ctx, n, func(ctx context.Context, r run.Runner) (garbage.Freed, error) {
			return garbage.Collect(ctx, r, plan)
		})
		c.freed.put(n, freed)
		return fleet.Result{Outcome: fleet.Collected, Note: notes(document.Count(len(plan.Go), "generation", "deleted"), freed.String())}, err
	})
}

// plan asks a host what it has and says what of it may go.
func (c gcCmd) plan(ctx context.Context, r run.Runner) (garbage.Plan, error) {
	history, err := inspect.ReadHistory(ctx, r)
	if err != nil {
		return garbage.Plan{}, err
	}
	if history.UnderWay != "" {
		return garbage.Plan{}, &activate.RefusedError{Reason: history.UnderWay, Next: "have it come to its end, then collect garbage"}
	}
	generations, err := inspect.ReadGenerations(ctx, r)
	if err != nil {
		return garbage.Plan{}, err
	}
	policy := garbage.Policy{Keep: c.Keep}
	if c.OlderThan != nil {
		policy.OlderThan = time.Duration(*c.OlderThan)
	}
	previous, _ := history.Former()
	return garbage.Of(policy, generations, history.Running, previous, time.Now()), nil
}

func (c gcCmd) report(r *fleet.Run, u *ui.UI, code int) error {
	return document.WriteGarbage(u, r, c.plans.all(), c.freed.all(), code)
}
