package fleet

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"flakeops/activate/inspect"
	"flakeops/activate/wire"
	"flakeops/flake"
	"flakeops/internal/fault"
)

// History is what was deployed to the host, read when it is first asked for.
func (n *Node) History(ctx context.Context) (inspect.History, error) {
	return n.history.Get(ctx, func(ctx context.Context) (inspect.History, error) {
		return Ask(ctx, n, inspect.ReadHistory)
	})
}

// AimAtPrevious makes the system that the host ran before the present one, by its
// records, the node's.
func (n *Node) AimAtPrevious(ctx context.Context) error {
	h, err := n.History(ctx)
	if err != nil {
		return err
	}
	n.System.Out, err = h.Previous()
	return fault.During(fault.Refused, err)
}

// AimAtGeneration makes the system of a generation of the host's profile the node's.
func (n *Node) AimAtGeneration(ctx context.Context, number int) error {
	all, err := Ask(ctx, n, inspect.ReadGenerations)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(g inspect.Generation) bool { return g.Number == number })
	if i < 0 {
		return fault.As(fault.Refused, fmt.Errorf("there is no generation %d", number))
	}
	if err := all[i].Usable(); err != nil {
		return fault.As(fault.Refused, err)
	}
	n.System.Out = all[i].System
	_, err = n.History(ctx) // for the origin
	return err
}

// AimBefore makes of every node that is under way the system its own which the host ran
// before the run of a deployment, which may be of another host. A node to which nothing
// was deployed since has ended.
func (r *Run) AimBefore(ctx context.Context, id string) {
	r.Each(ctx, AllAtOnce, func(ctx context.Context, n *Node) (Result, error) {
		_, err := n.History(ctx)
		return Result{}, err
	})
	going := r.Going(ctx)
	var histories []inspect.History
	for _, n := range going {
		h, _ := n.history.Known()
		histories = append(histories, h)
	}
	of, unknown := inspect.Find(histories, id)
	for i, n := range going { // all, so that each that cannot go back is named
		before, err := histories[i].Before(of)
		switch err = cmp.Or(unknown, err); {
		case err != nil:
			r.fail(n, fault.As(fault.Refused, err))
		case before == "":
			r.finish(n, Result{Outcome: UpToDate, Note: "nothing was deployed to it since"})
		}
		n.System.Out = before
	}
}

// origin is the flake that the node's system is from. Of one that was not evaluated the
// host's records may tell.
func (n *Node) origin() wire.Flake {
	if n.run.Want == flake.WithSystem {
		return n.run.Flake
	}
	h, _ := n.history.Known()
	return h.FlakeOf(n.System.Out)
}
