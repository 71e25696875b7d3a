package fleet

import (
	"context"
	"fmt"
	"slices"
	"time"

	"flakeops/activate"
	"flakeops/flake/store"
	"flakeops/internal/fault"
	"flakeops/internal/limit"
)

// Delivery is what is brought to a host, or asked there, besides its system.
type Delivery struct {
	Agent   bool // it comes along
	Compare bool // the plan is made before anything is pushed
}

// refreshAfter is how long a build may keep a reached node waiting before its facts
// are read again, and its connection made again if it broke.
const refreshAfter = time.Minute

// Deliver has the node's system built and brings it to its host, unless that is up
// to date. Its keys, where they are concerned, are read by then.
func (n *Node) Deliver(ctx context.Context, with Delivery) error {
	if err := n.locate(ctx); err != nil {
		return err
	}
	ctx, stop := n.unlessBuildFails(ctx)
	defer stop(nil)
	if err := n.Reach(ctx); err != nil {
		return err
	}
	if n.run.Keys {
		if _, err := n.ReadKeys(ctx); err != nil {
			return err
		}
	}
	switch {
	case n.UpToDate() && n.SendsKeys():
		return n.BringAgent(ctx)
	case n.UpToDate():
		return nil
	}
	rooted := make(chan error, 1) // while the build goes on
	n.run.background.Go(func() {
		if with.Agent {
			_, _ = n.agent(ctx) // the push tells of an error
		}
		rooted <- n.root(ctx)
	})
	if err := n.awaitBuild(ctx); err != nil || n.UpToDate() {
		return err
	}
	if !n.run.mayGoOn(ctx, n) {
		return errHeld
	}
	if err := <-rooted; err != nil {
		return err
	}
	if with.Compare {
		if err := n.Compare(ctx); err != nil {
			return err
		}
	}
	return n.push(ctx, with)
}

// buildsHere says whether the node's system is built on this machine.
func (n *Node) buildsHere() bool { return !n.Settings.BuildOnTarget }

// unlessBuildFails begins the build of the node's system, where that is done here,
// and gives ctx, which ends if it fails.
func (n *Node) unlessBuildFails(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, stop := context.WithCancelCause(ctx)
	if !n.buildsHere() {
		n.run.builder.without(n)
		return ctx, stop
	}
	n.run.background.Go(func() {
		if err := n.Built(ctx); err != nil {
			stop(err)
		}
	})
	return ctx, stop
}

// awaitBuild waits for the build of the node's system. The host's facts, like the
// connection, may be stale by then.
func (n *Node) awaitBuild(ctx context.Context) error {
	since := time.Now()
	if n.buildsHere() {
		if err := n.Built(ctx); err != nil {
			return err
		}
	}
	if time.Since(since) < refreshAfter {
		return nil
	}
	return n.refresh(ctx)
}

// push brings to the host what its activation needs.
func (n *Node) push(ctx context.Context, with Delivery) error {
	if err := n.run.pushes.Acquire(ctx, 1); err != nil {
		return limit.Because(ctx, err)
	}
	defer n.run.pushes.Release(1)
	if !n.run.mayGoOn(ctx, n) {
		return errHeld
	}
	var paths []string
	switch {
	case n.buildsHere():
		paths = append(paths, n.System.Out)
	case !n.KnownFacts().Present[n.System.Out]:
		if err := n.buildThere(ctx); err != nil {
			return err
		}
	}
	if with.Agent {
		agent, err := n.agent(ctx)
		if err != nil {
			return err
		}
		paths = append(paths, agent)
	}
	return n.bring(ctx, paths)
}

// bring copies paths to the host unless it has all of them. One that lacks the
// system is not asked again.
func (n *Node) bring(ctx context.Context, paths []string) error {
	if len(paths) == 0 {
		return nil
	}
	if n.KnownFacts().Present[n.System.Out] || !slices.Contains(paths, n.System.Out) {
		f, err := n.askFacts(ctx, paths)
		if err != nil || !slices.ContainsFunc(paths, func(path string) bool { return !f.Present[path] }) {
			return err
		}
	}
	return n.copy(ctx, store.Copy{Paths: paths})
}

// buildThere has the host build the system itself.
func (n *Node) buildThere(ctx context.Context) error {
	if err := n.copy(ctx, store.Copy{Paths: []string{n.System.Drv}, Derivation: true}); err != nil {
		return err
	}
	h, err := n.Host(ctx)
	if err != nil {
		return err
	}
	n.began(BuildingThere)
	ctx, cancel := limit.Within(ctx, buildDeadline, "the build on the host")
	defer cancel()
	err = activate.Realise(ctx, h.Root(), n.System.Drv, func(line string) {
		n.tell(Event{Step: BuildingThere, Kind: Log, Text: line})
	})
	if err = limit.Because(ctx, err); err != nil {
		return fault.During(fault.Build, fmt.Errorf("building on the host: %w", err))
	}
	return nil
}

func (n *Node) copy(ctx context.Context, what store.Copy) error {
	h, err := n.Host(ctx)
	if err != nil {
		return err
	}
	n.began(Pushing)
	ctx, cancel := limit.Within(ctx, pushDeadline, "pushing")
	defer cancel()
	what.Substitute = n.Settings.SubstituteOnTarget
	what.Progress = func(done, total int) {
		n.tell(Event{Step: Pushing, Kind: Progress, Done: done, Total: total})
	}
	return fault.During(fault.Push, limit.Because(ctx, h.Copy(ctx, what)))
}

// agent is the store path of the agent for the node's host.
func (n *Node) agent(ctx context.Context) (string, error) {
	path, err := n.run.Agent(ctx, n.Platform())
	return path, fault.During(fault.Push, limit.Because(ctx, err))
}

// BringAgent brings the agent to a host that needs nothing else.
func (n *Node) BringAgent(ctx context.Context) error {
	agent, err := n.agent(ctx)
	if err != nil {
		return err
	}
	return n.bring(ctx, []string{agent})
}
