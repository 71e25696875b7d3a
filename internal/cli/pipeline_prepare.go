package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"flakeops/activate/wire"
	"flakeops/internal/fault"
)

var (
	errNull     = errors.New("deployment.targetHost is null, so this node is never deployed; set it, or leave the node out")
	errNoSwitch = errors.New("system.switch.enable is false, so this system cannot be activated, nor made the default at boot; set it to true, or leave the node out")
)

// checkTarget ends a node that is not to be taken to a host, and says so.
func (p *pipeline) checkTarget(n *node) (skip bool) {
	named := slices.Contains(p.named, n.name)
	switch {
	case n.settings.TargetHost == nil && named:
		p.fail(n, errNull)
	case n.settings.TargetHost == nil:
		p.end(n, result{outcome: outcomeSkipped, note: "deployment.targetHost is null"})
	case n.settings.Kind != "" && !n.settings.Addressed && !named:
		p.end(n, result{outcome: outcomeSkipped, note: "this is " + n.settings.Kind + ": name it, or set deployment.targetHost"})
	case n.settings.NoSwitch && p.goal != "":
		p.fail(n, fault.During(fault.Evaluation, errNoSwitch))
	default:
		return false
	}
	return true
}

// prepare starts what takes an evaluated node up to the barrier.
func (p *pipeline) prepare(ctx context.Context, n *node) {
	if p.through == throughBuild || p.checkTarget(n) {
		return
	}
	p.preparing.Go(func() {
		if err := p.steps(ctx, n); err != nil {
			p.fail(n, err)
		}
	})
}

// steps are what lies between a node's evaluation and the barrier.
func (p *pipeline) steps(ctx context.Context, n *node) error {
	if p.surveysAtOnce() {
		p.preparing.Go(func() { _, _ = n.closure(ctx, p.store) }) // the survey tells of an error
	}
	if err := p.locate(ctx, n); err != nil {
		return err
	}
	if err := p.reach(ctx, n); err != nil {
		return err
	}
	if p.surveysAtOnce() {
		return nil
	}
	if err := p.readKeys(ctx, n); err != nil {
		return err
	}
	if n.upToDate || p.through == throughReach {
		return p.pushAgent(ctx, n)
	}
	// While the build goes on: a root may be there before what it keeps.
	rooted := make(chan error, 1)
	p.preparing.Go(func() {
		if p.sendsAgent() {
			_, _ = p.agents.path(ctx, n.platform()) // the push tells of an error
		}
		rooted <- p.root(ctx, n)
	})
	if err := p.awaitBuild(ctx, n); err != nil || n.upToDate || !p.mayGoOn(ctx, n) {
		return err
	}
	if err := <-rooted; err != nil {
		return err
	}
	if p.surveys {
		if err := p.survey(ctx, n); err != nil {
			return err
		}
	}
	return p.push(ctx, n)
}

// reach connects to the node's host and reads its facts.
func (p *pipeline) reach(ctx context.Context, n *node) error {
	if err := p.dials.Acquire(ctx, 1); err != nil {
		return because(ctx, err)
	}
	defer p.dials.Release(1)
	p.screen.Status(n.name, "connecting")
	dialling, cancel := within(ctx, dialDeadline, "connecting")
	defer cancel()
	h, err := p.network.Dial(dialling, n.name, n.settings)
	if err != nil {
		return because(dialling, err)
	}
	n.host = h
	surveyed := make(chan error, 1)
	if p.surveysAtOnce() {
		p.preparing.Go(func() { surveyed <- p.survey(ctx, n) })
	} else {
		surveyed <- nil
	}
	if err := p.readFacts(ctx, n); err != nil {
		return err
	}
	if err := n.facts.Check(n.platform()); err != nil {
		return err
	}
	return <-surveyed
}

// surveysAtOnce says whether hosts are surveyed while their facts are read, for
// there is no build to wait for.
func (p *pipeline) surveysAtOnce() bool { return p.surveys && p.through == throughReach }

func (p *pipeline) readFacts(ctx context.Context, n *node) error {
	ctx, cancel := within(ctx, factsDeadline, "reading the host's facts")
	defer cancel()
	var err error
	var paths []string
	if n.system.Out != "" {
		paths = append(paths, n.system.Out)
	}
	n.facts, err = n.host.Facts(ctx, paths...)
	switch p.through {
	case throughPush:
		n.upToDate = n.facts.Present[n.system.Out] && p.visit == nil
	case throughActivate:
		n.upToDate = n.facts.UpToDate(p.goal, n.system.Out)
	}
	return because(ctx, err)
}

// refreshAfter is how long a build may keep a reached node waiting before its
// facts are read again, and its connection made again if it broke.
const refreshAfter = time.Minute

// awaitBuild waits until the build stage lets the node go on. Like the facts,
// the connection may be stale by then.
func (p *pipeline) awaitBuild(ctx context.Context, n *node) error {
	since := time.Now()
	select {
	case <-n.builtOver:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if time.Since(since) < refreshAfter || !p.mayGoOn(ctx, n) || p.readFacts(ctx, n) == nil {
		return nil
	}
	_ = n.host.Close()
	return p.reach(ctx, n)
}

// push brings to the host what its activation needs.
func (p *pipeline) push(ctx context.Context, n *node) error {
	if err := p.pushes.Acquire(ctx, 1); err != nil {
		return because(ctx, err)
	}
	defer p.pushes.Release(1)
	if !p.mayGoOn(ctx, n) {
		return nil
	}
	var paths []string
	switch {
	case !n.settings.BuildOnTarget:
		paths = append(paths, n.system.Out)
	case !n.facts.Present[n.system.Out]:
		if err := p.buildThere(ctx, n); err != nil {
			return err
		}
	}
	if p.sendsAgent() {
		agent, err := p.agents.path(ctx, n.platform())
		if err != nil {
			return fault.During(fault.Push, err)
		}
		paths = append(paths, agent)
	}
	if there, err := p.allThere(ctx, n, paths); there || err != nil {
		return err
	}
	return p.send(ctx, n, parcel{paths: paths})
}

// allThere says whether the host has all of the paths. One that lacks the
// system is not asked again.
func (p *pipeline) allThere(ctx context.Context, n *node, paths []string) (bool, error) {
	switch {
	case len(paths) == 0:
		return true, nil
	case !n.facts.Present[n.system.Out] && slices.Contains(paths, n.system.Out):
		return false, nil
	}
	ctx, cancel := within(ctx, factsDeadline, "asking for what the host has")
	defer cancel()
	facts, err := n.host.Facts(ctx, paths...)
	if err != nil {
		return false, because(ctx, err)
	}
	return !slices.ContainsFunc(paths, func(path string) bool { return !facts.Present[path] }), nil
}

// buildThere has the host build the system itself.
func (p *pipeline) buildThere(ctx context.Context, n *node) error {
	if err := p.send(ctx, n, parcel{paths: []string{n.system.Drv}, derivation: true}); err != nil {
		return err
	}
	p.screen.Status(n.name, "building on the host")
	ctx, cancel := within(ctx, buildDeadline, "the build on the host")
	defer cancel()
	err := n.host.Realise(ctx, n.system.Drv, func(line string) { p.screen.Log(n.name, line) })
	if err = because(ctx, err); err != nil {
		return fault.During(fault.Build, fmt.Errorf("building on the host: %w", err))
	}
	return nil
}

func (p *pipeline) send(ctx context.Context, n *node, what parcel) error {
	p.screen.Status(n.name, "pushing")
	ctx, cancel := within(ctx, pushDeadline, "pushing")
	defer cancel()
	what.substitute = n.settings.SubstituteOnTarget
	what.progress = func(done, total int) {
		p.screen.Detail(n.name, fmt.Sprintf("%d of %d paths", done, total))
	}
	return fault.During(fault.Push, because(ctx, n.host.Push(ctx, what)))
}

// root keeps what is to be pushed from being garbage collected here meanwhile.
func (p *pipeline) root(ctx context.Context, n *node) error {
	name, path := "system-"+n.name, n.system.Out
	if n.settings.BuildOnTarget {
		name, path = "drv-"+n.name, n.system.Drv
	}
	ctx, cancel := within(ctx, storeDeadline, "rooting a store path")
	defer cancel()
	return because(ctx, p.store.Keep(ctx, name, path))
}

// sendsAgent says whether the run needs an agent on its hosts.
func (p *pipeline) sendsAgent() bool {
	return p.through == throughActivate && p.goal != wire.DryActivate
}
