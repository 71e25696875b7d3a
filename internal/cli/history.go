package cli

import (
	"context"
	"time"

	"flakeops/activate/inspect"
	"flakeops/internal/cli/document"
	"flakeops/internal/fleet"
	"flakeops/internal/ui"
)

type historyCmd struct {
	asking `embed:""`

	Since *age `placeholder:"AGE" help:"Only what was deployed since so long ago, such as 12h, 7d or 1y."`

	told *answers[inspect.History]
}

// Help is the verb's detailed help.
func (historyCmd) Help() string {
	return `Lists the deployments that the hosts have on record, of all of them together, newest first: when each began, what became of it, who it was by, and its ID, which rollback --to takes. Nothing is kept anywhere else, so what a host forgot is not told.`
}

// Run asks for the records.
func (c historyCmd) Run(ctx context.Context, s *session) error {
	c.told = &answers[inspect.History]{}
	return s.take(ctx, c)
}

func (c historyCmd) steps(ctx context.Context, r *fleet.Run, _ confirmer) {
	c.told.askAll(ctx, r, inspect.ReadHistory)
}

func (c historyCmd) report(r *fleet.Run, u *ui.UI, code int) error {
	since := time.Time{}
	if c.Since != nil {
		since = time.Now().Add(-time.Duration(*c.Since))
	}
	return document.WriteHistory(u, r, inspect.Merge(c.told.all(), since), code)
}
