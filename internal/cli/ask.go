package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"flakeops/internal/cli/document"
	"flakeops/internal/fleet"
	"flakeops/internal/limit"
	"flakeops/internal/ui"
)

// errDeclined is why no node is activated when the operator says no.
var errDeclined = errors.New("nothing was activated: you did not say yes")

// askDeadline is for a person who is to say yes or no.
const askDeadline = 12 * time.Hour

// onTerminal says whether there is somebody to ask.
func (s *session) onTerminal() bool {
	is := func(stream any) bool {
		f, ok := stream.(*os.File)
		return ok && term.IsTerminal(int(f.Fd()))
	}
	return is(s.stdin) && is(s.stderr)
}

// askBeforeMany shows what activating more than one node would change, and asks
// whether to go on. An error keeps all nodes from it.
func (g goals) askBeforeMany(ctx context.Context, r *fleet.Run, ask confirmer) error {
	r.Each(ctx, r.Parallel, func(ctx context.Context, n *fleet.Node) (fleet.Result, error) {
		if n.UpToDate() {
			return fleet.Result{}, nil
		}
		if err := n.CompareDelivered(ctx, true); err != nil {
			return fleet.Result{}, err
		}
		return fleet.Result{}, n.CompareKeys(ctx)
	})
	var question strings.Builder
	width, asked := 0, 0
	for _, n := range r.Going(ctx) {
		width = max(width, len(ui.Clean(n.Name)))
	}
	for _, n := range r.Going(ctx) {
		if !n.UpToDate() {
			asked++
			fmt.Fprintf(&question, "%-*s  %s\n", width, ui.Clean(n.Name), document.PlanNote(n))
		}
	}
	if asked < 2 {
		return nil
	}
	what := "Activate these %d nodes?"
	if g.Reboot {
		what = "Make these the default at boot of %d nodes, and reboot them one after the other?"
	}
	fmt.Fprintf(&question, what, asked)
	ctx, cancel := limit.Within(ctx, askDeadline, "waiting for an answer")
	defer cancel()
	yes, err := ask.Confirm(ctx, question.String())
	switch {
	case errors.Is(err, ui.ErrNoTerminal):
		return nil
	case err == nil && !yes:
		return errDeclined
	}
	return limit.Because(ctx, err)
}
