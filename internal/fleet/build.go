package fleet

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"flakeops/flake/store"
	"flakeops/internal/fault"
	"flakeops/internal/limit"
)

const (
	// gatherFor is how long nobody else may have asked for a build before one begins
	// without those nodes of which it is not known yet whether they will.
	gatherFor = time.Second
	// maxBuilds is how many nix run at once. More than one, so that a long build does
	// not hold up nodes that were evaluated after it began; few, for they wait for
	// each other where they build the same.
	maxBuilds = 2
)

// builder has systems built that are asked for one by one, as many by one running
// nix as can be, so that nix shares what they have in common. All of the nodes in one
// begin at once; the last of them do not hold up the others.
type builder struct {
	run   *Run
	start func(jobs []store.Job) // builds them in the background

	mu        sync.Mutex
	undecided map[string]bool   // nodes that may still ask
	evaluated bool              // all nodes are
	builds    map[string]*build // those asked for, by node
	waiting   []store.Job
	running   int
	closed    bool
	quiet     *time.Timer
}

// build is one node's; err is read after done.
type build struct {
	done chan struct{}
	err  error
}

func newBuilder(ctx context.Context, r *Run) *builder {
	b := &builder{run: r, undecided: map[string]bool{}, builds: map[string]*build{}}
	for _, n := range r.Nodes {
		b.undecided[n.Name] = true
	}
	b.start = func(jobs []store.Job) { r.background.Go(func() { b.build(ctx, jobs) }) }
	return b
}

// Built has the node's system built, and returns when it is in the local store.
func (n *Node) Built(ctx context.Context) error {
	asked := n.run.builder.ask(n)
	select {
	case <-asked.done:
		return asked.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (b *builder) ask(n *Node) *build {
	b.mu.Lock()
	defer b.mu.Unlock()
	if asked := b.builds[n.Name]; asked != nil {
		return asked
	}
	asked := &build{done: make(chan struct{})}
	b.builds[n.Name] = asked
	b.waiting = append(b.waiting, store.Job{Node: n.Name, Drv: n.System.Drv, Out: n.System.Out})
	delete(b.undecided, n.Name)
	b.begin(false)
	return asked
}

// without says that a node will not ask any more.
func (b *builder) without(n *Node) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.undecided, n.Name)
	b.begin(false)
}

func (b *builder) allEvaluated() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.evaluated = true
	b.begin(false)
}

// begin has what is asked for built, unless it is better to wait for more. The
// caller holds the lock.
func (b *builder) begin(quiet bool) {
	if b.quiet != nil {
		b.quiet.Stop()
	}
	complete := b.evaluated && len(b.undecided) == 0
	switch {
	case b.closed, len(b.waiting) == 0, b.running > 0 && !complete, b.running == maxBuilds:
		return
	case !complete && !quiet:
		b.quiet = time.AfterFunc(gatherFor, func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.begin(true)
		})
		return
	}
	jobs := b.waiting
	slices.SortFunc(jobs, func(x, y store.Job) int { return strings.Compare(x.Node, y.Node) })
	b.waiting = nil
	b.running++
	b.start(jobs)
}

// build builds the systems of those nodes that are still under way.
func (b *builder) build(ctx context.Context, jobs []store.Job) {
	jobs = slices.DeleteFunc(jobs, func(j store.Job) bool {
		n := b.run.Node(j.Node)
		if b.run.mayGoOn(ctx, n) {
			n.began(Building)
			return false
		}
		b.end(n, errHeld)
		return true
	})
	var err error
	if len(jobs) > 0 {
		bounded, cancel := limit.Within(ctx, buildDeadline, "the build")
		err = limit.Because(bounded, b.run.Store.Build(bounded, jobs, b.report))
		cancel()
	}
	for _, j := range jobs {
		b.end(b.run.Node(j.Node), fault.During(fault.Build, err))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running--
	b.begin(true)
}

// end ends the build of a node, unless it has ended.
func (b *builder) end(n *Node, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	asked := b.builds[n.Name]
	select {
	case <-asked.done:
	default:
		asked.err = err
		close(asked.done)
	}
}

func (b *builder) report(e store.BuildEvent) {
	if e.Kind == store.BuildFailed {
		b.end(b.run.Node(e.Node), fault.During(fault.Build, e.Err))
		return
	}
	kind := map[store.BuildKind]Kind{store.BuildStarted: Progress, store.BuildLog: Log, store.BuildBuilt: Completed}[e.Kind]
	b.run.tell(Event{Node: e.Node, Step: Building, Kind: kind, Derivation: e.Derivation, Text: e.Line})
	if e.Kind == store.BuildBuilt {
		b.end(b.run.Node(e.Node), nil)
	}
}

// close has no more builds begin.
func (b *builder) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
}
