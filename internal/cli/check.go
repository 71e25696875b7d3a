package cli

import (
	"context"

	"flakeops/activate/inspect"
	"flakeops/internal/cli/document"
	"flakeops/internal/cli/usage"
	"flakeops/internal/fleet"
	"flakeops/internal/run"
	"flakeops/internal/ui"
)

type checkCmd struct {
	asking `embed:""`

	VerifyStore bool `help:"Have each host read its whole store, too, which takes minutes."`
	MaxUsage    int  `default:"90" placeholder:"PERCENT" help:"A disk that is so full is not OK (default 90)."`
	MinInodes   int  `default:"5" placeholder:"PERCENT" help:"A disk with fewer of its inodes free is not OK (default 5)."`

	told *answers[inspect.Health]
}

// Help is the verb's detailed help.
func (checkCmd) Help() string {
	return `Asks each host how it is: whether there is one of its name, whether something answers there, and whether flakeops gets in; how full /, /boot and /nix are; its load; units that failed, or that have been starting for more than ten minutes; and in notes a clock that is off by more than five seconds, a root that is read-only, a deployment that nobody confirmed, and what waits for a reboot. A host that hangs costs its own deadline only.

The exit status is that of nixops check: the sum of 1 if a host is missing, 2 if one is down, 4 if one cannot be reached, 8 if the disks of one are not OK, 16 if units of one failed; and 32 if a node could not be checked, for example since its settings cannot be evaluated.`
}

// Run asks.
func (c checkCmd) Run(ctx context.Context, s *session) error {
	if c.MaxUsage < 1 || c.MaxUsage > 100 || c.MinInodes < 0 || c.MinInodes > 100 {
		return usage.Errorf("--max-usage takes from 1 to 100 percent, and --min-inodes from 0 to 100")
	}
	c.told = &answers[inspect.Health]{}
	return s.take(ctx, c)
}

func (c checkCmd) steps(ctx context.Context, r *fleet.Run, _ confirmer) {
	ask := fleet.Ask[inspect.Health]
	if c.VerifyStore {
		ask = fleet.Verify[inspect.Health]
	}
	r.Each(ctx, r.Parallel, func(ctx context.Context, n *fleet.Node) (fleet.Result, error) {
		health, err := ask(ctx, n, func(ctx context.Context, r run.Runner) (inspect.Health, error) {
			return inspect.ReadHealth(ctx, r, c.VerifyStore)
		})
		if err == nil {
			c.told.put(n, health)
		}
		return fleet.Result{Outcome: fleet.Checked}, err
	})
}

// limits are the default ones, but for those that were given.
func (c checkCmd) limits() inspect.Limits {
	l := inspect.DefaultLimits()
	l.Usage, l.FreeInodes = float64(c.MaxUsage)/100, float64(c.MinInodes)/100
	return l
}

// unchecked is the bit of NixOps' mask that NixOps does not have.
const unchecked = 32

// code is NixOps' mask over all nodes that were to be checked.
func (c checkCmd) code(r *fleet.Run) int {
	mask, told := 0, c.told.all()
	for _, n := range r.Nodes {
		health, known := told[n.Name]
		err := n.Result().Err
		switch reach, tried := fleet.ReachOf(err); {
		case known:
			mask |= inspect.Mask(inspect.Reached, health, c.limits())
		case tried:
			mask |= inspect.Mask(reach, health, c.limits())
		case err != nil: // not skipped
			mask |= unchecked
		}
	}
	return mask
}

func (c checkCmd) report(r *fleet.Run, u *ui.UI, code int) error {
	return document.WriteHealth(u, r, c.told.all(), c.limits(), code)
}
