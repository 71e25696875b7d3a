package fleet

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"flakeops/activate"
	"flakeops/activate/wire"
	"flakeops/flake"
	"flakeops/internal/fault"
	"flakeops/internal/lazy"
	"flakeops/internal/limit"
	"flakeops/internal/settings"
)

// Options are what a run is to do.
type Options struct {
	Want            flake.Want          // of each node's evaluation; by default its system, too
	Local           bool                // no host is concerned, so that nodes without one take part
	Goal            wire.Goal           // of activations; "" for a run without
	Keys            bool                // the nodes' keys are concerned
	Parallel        int                 // how many hosts are pushed to at once
	KeepGoing       bool                // a node that fails holds no other
	SkipUnreachable bool                // a host that is not there is no failure
	AnyAddress      bool                // never mind where other outputs say that hosts are
	Named           []string            // nodes the operator wrote by name
	Operator        string              // who is said to deploy
	Flake           wire.Flake          // what is said to be deployed
	Locked          []flake.LockedInput // its inputs

	// Adjust changes a node's settings as they are evaluated; nil leaves them.
	Adjust func(*settings.Settings)
	// Done says whether a host is as it is to be, so that nothing has to run; nil
	// for never.
	Done func(f activate.Facts, system string) bool
}

// Parts are what a run works with.
type Parts struct {
	Source  Source
	Store   Store
	Reader  Reader
	Network Network
	// Agent gives the store path of the agent for a platform, there and rooted.
	Agent  func(ctx context.Context, platform string) (storePath string, err error)
	GiveUp <-chan struct{} // closed when no host is waited for any more
	Tell   func(Event)     // is told what happens, by several goroutines
	Ends   []func()        // what Finish does at last, the last of them first
}

// Run takes nodes from the flake to their hosts.
type Run struct {
	Options
	Parts
	Nodes []*Node // sorted by name

	began      time.Time
	evaluated  chan struct{} // closed when all are
	held       chan struct{} // closed when the run was halted by then, so that nothing is to be waited for
	halted     atomic.Bool   // a node failed, and the others are not to go on
	broken     atomic.Bool   // an activation failed
	builder    *builder
	addresses  lazy.Value[[]flake.Other] // outputs by which the flake tells other tools where hosts are
	dials      *semaphore.Weighted
	pushes     *semaphore.Weighted
	background sync.WaitGroup
	stop       func() // ends the builds
}

// maxDials is how many hosts are dialled at once: it costs little, but each dial may
// run ssh -G and a proxy command.
const maxDials = 32

// Start begins a run with the evaluation of the named nodes. Those in failed are
// known to have failed there. Finish ends the run.
func Start(ctx context.Context, o Options, p Parts, names []string, failed ...flake.Evaluation) *Run {
	o.Parallel = max(o.Parallel, 1)
	r := &Run{
		Options: o, Parts: p, began: time.Now(), evaluated: make(chan struct{}), held: make(chan struct{}),
		dials: semaphore.NewWeighted(maxDials), pushes: semaphore.NewWeighted(int64(o.Parallel)),
	}
	for _, name := range names {
		r.Nodes = append(r.Nodes, newNode(r, name))
	}
	for _, e := range failed {
		r.Nodes = append(r.Nodes, newNode(r, e.Name))
	}
	slices.SortStableFunc(r.Nodes, func(a, b *Node) int { return strings.Compare(a.Name, b.Name) })
	var building context.Context
	building, r.stop = r.unlessHeld(ctx)
	r.builder = newBuilder(building, r)
	r.background.Go(func() { r.evaluate(ctx, names, failed) })
	return r
}

// Finish ends the nodes that are still under way, for others failed or the run was
// interrupted, and what goes on in the background. Every node has a result then.
func (r *Run) Finish(ctx context.Context) {
	<-r.evaluated
	for _, n := range r.Nodes {
		res := Result{Outcome: Held, Note: errHeld.Error()}
		switch {
		case ctx.Err() != nil:
			res = Failure(context.Cause(ctx))
		case n.UpToDate() && !n.SendsKeys():
			res = Result{Outcome: UpToDate}
		}
		r.finish(n, res)
	}
	r.builder.close()
	r.stop()
	r.background.Wait()
	for _, n := range r.Nodes {
		if h, known := n.host.Known(); known {
			_ = h.Close()
		}
	}
	for _, end := range slices.Backward(r.Ends) {
		end()
	}
}

// Node gives the node of that name, nil when there is none.
func (r *Run) Node(name string) *Node {
	i := slices.IndexFunc(r.Nodes, func(n *Node) bool { return n.Name == name })
	if i < 0 {
		return nil
	}
	return r.Nodes[i]
}

// evaluate evaluates the named nodes, and lets each go on as it is done. The
// failures are told when all are, in the nodes' order.
func (r *Run) evaluate(ctx context.Context, names []string, failed []flake.Evaluation) {
	var lost []*Node
	report := func(e flake.Evaluation) {
		n := r.Node(e.Name)
		if n == nil || n.isEvaluated() {
			return
		}
		defer close(n.evaluated)
		for _, line := range e.Said {
			n.tell(Event{Step: Evaluating, Kind: Output, Text: line})
		}
		if e.Err != nil {
			if r.record(n, Failure(fault.During(fault.Evaluation, e.Err))) {
				lost = append(lost, n)
			}
			return
		}
		n.Settings, n.System = e.Settings, e.System
		if r.Adjust != nil {
			r.Adjust(&n.Settings)
		}
		n.tell(Event{Step: Evaluating, Kind: Completed})
		r.checkTarget(n)
	}
	for _, e := range failed {
		report(e)
	}
	for _, name := range names {
		r.Node(name).began(Evaluating)
	}
	bounded, cancel := limit.Within(ctx, EvaluateDeadline, "evaluation")
	defer cancel()
	err := limit.Because(bounded, r.Source.Evaluate(bounded, names, r.Want, report))

	slices.SortFunc(lost, func(a, b *Node) int { return strings.Compare(a.Name, b.Name) })
	for _, n := range lost {
		n.tellEnd()
	}
	for _, n := range r.Nodes {
		if err != nil {
			r.fail(n, fault.During(fault.Evaluation, err))
		}
		if !n.isEvaluated() {
			close(n.evaluated)
		}
	}
	if r.halted.Load() {
		close(r.held) // nobody is to be asked for a passphrase now
	}
	close(r.evaluated)
	r.builder.allEvaluated()
}

// unlessHeld is ctx, ended also when the run is lost with the evaluation.
func (r *Run) unlessHeld(ctx context.Context) (context.Context, func()) {
	ctx, end := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-r.held:
			end(errHeld)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { end(nil) }
}
