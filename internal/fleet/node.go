package fleet

import (
	"cmp"
	"context"
	"sync"

	"flakeops/activate"
	"flakeops/activate/inspect"
	"flakeops/activate/wire"
	"flakeops/flake"
	"flakeops/internal/lazy"
	"flakeops/internal/limit"
	"flakeops/internal/settings"
	"flakeops/keys"
	"flakeops/keys/message"
)

// Node is one node on its way. The one who has it in Each may ask it for anything;
// others, and all after Finish, may read its fields and ask for what is known.
type Node struct {
	Name     string
	Settings settings.Settings // once evaluated
	System   flake.System      // the same, where it was wanted

	Activation Activation               // what became of it
	Keys       KeyChanges               // the same
	KeyStates  map[string]message.State // of the keys on the host, by name, once CheckKeys asked
	Dry        []string                 // what a dry activation printed
	Units      []string                 // that failed, after an activation or a boot
	Ran        *Ran                     // how the command ended, once Execute ran it
	Plan       *Plan                    // what a deployment would change, once Compare asked

	run       *Run
	evaluated chan struct{} // closed when Settings and System are there, or will never be
	host      lazy.Value[Host]
	facts     lazy.Value[activate.Facts]
	values    lazy.Value[[]keys.Value]
	history   lazy.Value[inspect.History]
	local     lazy.Value[map[string]int64] // closure of the system in the local store, nil when it is not built

	mu     sync.Mutex
	result Result
}

// Activation is what became of a node's deployment, and of the one that took it back.
type Activation struct {
	ID      string     // of the deployment, "" when there was none
	BackID  string     // of the one that took it back, or was to
	Old     string     // system that ran before
	Final   wire.Event // the deployment's last
	Seconds float64    // that it took, confirm and commit included
}

// KeyChanges are what was done to a host's keys.
type KeyChanges struct {
	Changed []string // names
	Removed []string // paths
}

func newNode(r *Run, name string) *Node {
	return &Node{Name: name, run: r, evaluated: make(chan struct{})}
}

func (n *Node) isEvaluated() bool {
	select {
	case <-n.evaluated:
		return true
	default:
		return false
	}
}

// Platform is what the node's system is for; where there is none, what its settings
// say, or else its host, once that was reached.
func (n *Node) Platform() string {
	return cmp.Or(n.System.Platform, n.Settings.Platform, n.KnownFacts().Platform())
}

// UpToDate says whether the host is known to be as it is to be.
func (n *Node) UpToDate() bool {
	f, known := n.facts.Known()
	return known && n.run.Done != nil && n.run.Done(f, n.System.Out)
}

// KnownFacts are the facts of the node's host, zero when it was not reached.
func (n *Node) KnownFacts() activate.Facts {
	f, _ := n.facts.Known()
	return f
}

// Address is where the node is or would be reached, "" where that is nowhere.
func (n *Node) Address() string {
	if h, known := n.host.Known(); known {
		return h.Address()
	}
	if n.Settings.TargetHost != nil {
		return *n.Settings.TargetHost
	}
	return ""
}

// closure is that of the node's system in the local store. It is asked for once, so
// only when no build can change the answer.
func (n *Node) closure(ctx context.Context) (map[string]int64, error) {
	return n.local.Get(ctx, func(ctx context.Context) (map[string]int64, error) {
		return n.run.Store.Closure(ctx, n.System.Out)
	})
}

// Result is how the node ended so far; its outcome is empty while under way.
func (n *Node) Result() Result {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.result
}

// end records how the node ended. A failure is kept: what comes later is its
// consequence. It says whether res was recorded.
func (n *Node) end(res Result) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.result.Outcome != "" {
		return false
	}
	n.result = res
	return true
}

// replace records another end than the one so far.
func (n *Node) replace(res Result) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.result = res
}

func (n *Node) tellEnd() { n.tell(Event{Kind: Ended, Result: n.Result()}) }

// root keeps what is to be pushed from being garbage collected here meanwhile. It
// may be there before what it keeps.
func (n *Node) root(ctx context.Context) error {
	name, path := "system-"+n.Name, n.System.Out
	if n.Settings.BuildOnTarget {
		name, path = "drv-"+n.Name, n.System.Drv
	}
	ctx, cancel := limit.Within(ctx, StoreDeadline, "rooting a store path")
	defer cancel()
	return limit.Because(ctx, n.run.Store.Keep(ctx, name, path))
}
