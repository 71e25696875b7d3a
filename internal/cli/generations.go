package cli

import (
	"context"

	"flakeops/activate/inspect"
	"flakeops/internal/cli/document"
	"flakeops/internal/fleet"
	"flakeops/internal/ui"
)

type generationsCmd struct {
	asking `embed:""`

	told *answers[[]inspect.Generation]
}

// Help is the verb's detailed help.
func (generationsCmd) Help() string {
	return `Lists the generations of the hosts' system profiles, newest first, with what each system says of itself. rollback takes their numbers, gc deletes old ones. With --json the fields of a generation have the names that nixos-rebuild list-generations gives them.`
}

// Run lists.
func (c generationsCmd) Run(ctx context.Context, s *session) error {
	c.told = &answers[[]inspect.Generation]{}
	return s.take(ctx, c)
}

func (c generationsCmd) steps(ctx context.Context, r *fleet.Run, _ confirmer) {
	c.told.askAll(ctx, r, inspect.ReadGenerations)
}

func (c generationsCmd) report(r *fleet.Run, u *ui.UI, code int) error {
	return document.WriteGenerations(u, r, c.told.all(), code)
}
