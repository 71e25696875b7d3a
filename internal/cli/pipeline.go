package cli

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"flakeops/activate/wire"
	"flakeops/flake"
	"flakeops/internal/fault"
	"flakeops/internal/lazy"
	"flakeops/internal/ui"
)

// stage is how far a run goes.
type stage int

const (
	throughBuild stage = iota
	throughReach       // without a build; then plan.visit
	throughPush
	throughActivate
)

// plan is what the flags ask of a run.
type plan struct {
	through           stage
	want              flake.Want // by default the nodes' systems too
	goal              wire.Goal
	parallel          int
	keepGoing         bool
	skipUnreachable   bool
	from              string // "nixos": never mind where other outputs say that hosts are
	rollbackSucceeded bool
	named             []string // nodes the operator wrote by name
	part              partition
	keys              bool // send the nodes' keys, too
	operator          string
	override          overrides
	flake             wire.Flake
	surveys           bool // ask each host what it consists of, before anything is pushed
	planKeys          bool // tell of keys in a plan

	// ask is called before the first activation; its error keeps all nodes from it.
	ask func(ctx context.Context, p *pipeline) error
	// visit is what is done at last with each node, in place of an activation. A
	// node it does not end, or that it returns an error for, fails.
	visit func(ctx context.Context, p *pipeline, n *node) error
	// reboot is done, with one node at a time, after all are activated.
	reboot func(ctx context.Context, p *pipeline, n *node) error
	// tell reports the run's results in place of report, when it is set.
	tell func(p *pipeline, u *ui.UI, code int) error
}

// pipeline takes nodes from the flake to their hosts.
//
//	evaluate --+--> reach (dial, facts) --+
//	           |                          +--> push --> | --> activate
//	           +--> build (all in one) ---+           barrier
//
// A node is reached as soon as it is evaluated, and pushed as soon as it is
// both reached and built. No host is activated before every node is pushed.
// The first failure holds all other nodes at their next step; with keepGoing a
// failed node only drops out itself.
type pipeline struct {
	plan
	source  source
	store   store
	reader  reader
	network network
	confirm confirmer
	agents  *agents
	screen  screen

	nodes     []*node
	halted    atomic.Bool               // a node failed, and the others are not to go on
	broken    atomic.Bool               // an activation failed
	addresses lazy.Value[[]flake.Other] // outputs by which the flake tells other tools where hosts are
	hints     hints
	preparing sync.WaitGroup
	dials     *semaphore.Weighted
	pushes    *semaphore.Weighted
}

// maxDials is how many hosts are reached at once: dialling costs little, but
// each dial may run ssh -G and a proxy command.
const maxDials = 32

// run takes the named nodes as far as the plan goes. Every node has a result
// when it returns, and so have those of which is known only that they failed.
func (p *pipeline) run(ctx context.Context, names []string, failed ...flake.Evaluation) {
	p.parallel = max(p.parallel, 1)
	p.dials, p.pushes = semaphore.NewWeighted(maxDials), semaphore.NewWeighted(int64(p.parallel))
	for _, name := range names {
		p.nodes = append(p.nodes, newNode(name))
	}
	var unclear []*node
	for _, e := range failed {
		n := newNode(e.Name)
		p.nodes = append(p.nodes, n)
		if p.record(n, failure(fault.During(fault.Evaluation, e.Err))) {
			unclear = append(unclear, n)
		}
	}
	slices.SortStableFunc(p.nodes, func(a, b *node) int { return strings.Compare(a.name, b.name) })
	defer p.hangUp()
	defer func() { p.hints.tell(p.screen) }()

	reaching, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	p.evaluate(ctx, unclear, func(n *node) { p.prepare(reaching, n) })
	if p.halted.Load() {
		giveUp(errHeld) // nobody is to be asked for a passphrase now
	}
	p.build(ctx)
	p.preparing.Wait() // the barrier
	switch {
	case p.visit != nil:
		p.each(ctx, func(n *node) {
			if err := p.visit(ctx, p, n); err != nil {
				p.fail(n, err)
			}
		})
	case p.through == throughBuild:
		p.endAll(outcomeBuilt)
	case p.through == throughPush:
		p.endAll(outcomePushed)
	case p.through == throughActivate && p.agreed(ctx):
		p.activateAll(ctx)
	}
	p.holdRest(ctx)
}

// evaluate evaluates all nodes and sets each one on its way as it is done. The
// failures, of those that have failed before too, are told in the nodes' order.
func (p *pipeline) evaluate(ctx context.Context, failed []*node, next func(*node)) {
	var names []string
	for _, n := range p.nodes {
		if n.ended().outcome == "" {
			names = append(names, n.name)
			p.screen.Status(n.name, "evaluating")
		}
	}
	bounded, cancel := within(ctx, evaluateDeadline, "evaluation")
	defer cancel()
	err := p.source.Evaluate(bounded, names, p.want, func(e flake.Evaluation) {
		n := p.find(e.Name)
		if n == nil {
			return
		}
		for _, line := range e.Said {
			p.screen.Line(n.name, line)
		}
		if e.Err != nil {
			if p.record(n, failure(fault.During(fault.Evaluation, e.Err))) {
				failed = append(failed, n)
			}
			return
		}
		n.settings, n.system = e.Settings, e.System
		p.override.apply(&n.settings)
		p.screen.Status(n.name, "evaluated")
		next(n)
	})
	slices.SortFunc(failed, func(a, b *node) int { return strings.Compare(a.name, b.name) })
	for _, n := range failed {
		p.screen.End(n.name, n.ended().told())
	}
	if err != nil {
		p.failAll(fault.During(fault.Evaluation, because(bounded, err)))
	}
}

// build builds the systems of all nodes that are still under way, and lets each
// node go on as its own is built.
func (p *pipeline) build(ctx context.Context) {
	defer func() {
		for _, n := range p.nodes {
			n.buildEnds(false)
		}
	}()
	if p.through == throughReach {
		return
	}
	var jobs []flake.Job
	for _, n := range p.nodes {
		if p.mayGoOn(ctx, n) && !(n.settings.BuildOnTarget && p.through > throughBuild) {
			p.screen.Status(n.name, "building")
			jobs = append(jobs, flake.Job{Node: n.name, System: n.system})
		}
	}
	if len(jobs) == 0 {
		return
	}
	bounded, cancel := within(ctx, buildDeadline, "the build")
	defer cancel()
	err := p.store.Build(bounded, jobs, p.buildEvent)
	if err != nil {
		for _, j := range jobs {
			if n := p.find(j.Node); !n.isBuilt {
				p.fail(n, fault.During(fault.Build, because(bounded, err)))
			}
		}
	}
}

func (p *pipeline) buildEvent(e flake.BuildEvent) {
	n := p.find(e.Node)
	if n == nil { // of a derivation that several nodes share
		if e.Kind == flake.BuildLog {
			p.screen.Log(shortDrv(e.Derivation), e.Line)
		}
		return
	}
	switch e.Kind {
	case flake.BuildStarted:
		p.screen.Status(n.name, "building "+shortDrv(e.Derivation))
	case flake.BuildLog:
		p.screen.Log(n.name, e.Line)
	case flake.BuildBuilt:
		p.screen.Status(n.name, "built")
		n.buildEnds(true)
	case flake.BuildFailed:
		p.fail(n, fault.During(fault.Build, e.Err))
		n.buildEnds(false)
	}
}

// each does something with every node that is still under way, with as many at
// once as the plan has.
func (p *pipeline) each(ctx context.Context, do func(n *node)) {
	var g errgroup.Group
	g.SetLimit(p.parallel)
	for _, n := range p.nodes {
		if !p.mayGoOn(ctx, n) {
			continue
		}
		g.Go(func() error {
			if p.mayGoOn(ctx, n) {
				do(n)
			}
			return nil // each node keeps its own error
		})
	}
	_ = g.Wait()
}

// hangUp closes all connections.
func (p *pipeline) hangUp() {
	for _, n := range p.nodes {
		if n.host != nil {
			_ = n.host.Close()
		}
	}
}

func (p *pipeline) find(name string) *node {
	i := slices.IndexFunc(p.nodes, func(n *node) bool { return n.name == name })
	if i < 0 {
		return nil
	}
	return p.nodes[i]
}

// shortDrv is the name of a derivation without its store directory and hash.
func shortDrv(path string) string {
	base := filepath.Base(path)
	if _, name, ok := strings.Cut(base, "-"); ok {
		base = name
	}
	return strings.TrimSuffix(base, ".drv")
}
