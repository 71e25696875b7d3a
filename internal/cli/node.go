package cli

import (
	"cmp"
	"errors"
	"strings"
	"sync"

	"flakeops/activate"
	"flakeops/activate/wire"
	"flakeops/flake"
	"flakeops/internal/fault"
	"flakeops/internal/lazy"
	"flakeops/internal/settings"
	"flakeops/keys"
	"flakeops/keys/message"
)

// The outcomes of a node that wire.Outcome does not name.
const (
	outcomeBuilt       = "built"
	outcomePushed      = "pushed"
	outcomeDry         = "dry-activated"
	outcomeUpToDate    = "up to date"
	outcomeTakenBack   = "taken back"
	outcomeNotBack     = "take-back failed"
	outcomeRebooted    = "rebooted"
	outcomeOrdered     = "reboot ordered"
	outcomeKeys        = "keys failed"
	outcomeKeysSent    = "keys sent"
	outcomeChecked     = "checked"
	outcomeChanges     = "changes"
	outcomeSkipped     = "skipped"
	outcomeHeld        = "not started"
	outcomeEvaluation  = "evaluation failed"
	outcomeBuild       = "build failed"
	outcomePush        = "push failed"
	outcomeFailed      = "failed"
	outcomeUnreachable = "unreachable"
	outcomeRefused     = "refused"
	outcomeUnknown     = "unknown"
	outcomeInterrupted = "interrupted"
)

// node is one node on its way through the pipeline. Its fields are written by
// the one goroutine that has the node at the time; result is shared.
type node struct {
	name      string
	settings  settings.Settings            // once evaluated
	system    flake.System                 // the same, when it was wanted
	host      host                         // once reached
	facts     activate.Facts               // the same
	upToDate  bool                         // the host is as it is to be
	isBuilt   bool                         // the system is in the local store; read it after builtOver
	builtOver chan struct{}                // closed when the build of this node ended, or will not happen
	values    []keys.Value                 // of its keys, once read
	changed   []string                     // names of keys that were changed on the host
	keyStates map[string]message.State     // of the keys on the host, by name
	removed   []string                     // paths of keys that were removed there
	local     lazy.Value[map[string]int64] // closure of the system, where it is built here
	plan      *planned                     // what a deployment would change, once the host was asked
	dry       []string                     // what the dry activation printed
	id        string                       // of the deployment
	backID    string                       // of the one that took it back
	old       string                       // system that ran before the activation
	final     wire.Event                   // of the activation
	seconds   float64                      // that the activation took, confirm and commit included

	mu     sync.Mutex
	result result
}

// result is how a node ended; the zero value is a node under way.
type result struct {
	outcome string
	note    string // why, in a few words
	err     error
	code    int
}

func newNode(name string) *node { return &node{name: name, builtOver: make(chan struct{})} }

// platform is what the node's system is for; where there is none, what its
// settings say, or else its host, once that was reached.
func (n *node) platform() string {
	return cmp.Or(n.system.Platform, n.settings.Platform, n.facts.Platform())
}

// buildEnds lets the node go on. Only the build stage calls it.
func (n *node) buildEnds(built bool) {
	select {
	case <-n.builtOver:
	default:
		n.isBuilt = built
		close(n.builtOver)
	}
}

// end records how the node ended. A failure is kept: what comes later is its
// consequence. It says whether r was recorded.
func (n *node) end(r result) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.result.outcome != "" {
		return false
	}
	n.result = r
	return true
}

// replace records another end than the one so far.
func (n *node) replace(r result) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.result = r
}

// ended returns how the node ended so far; its outcome is empty while under way.
func (n *node) ended() result {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.result
}

// address is where the node is or would be reached, for the table.
func (n *node) address() string {
	switch {
	case n.host != nil:
		return n.host.Address()
	case n.settings.TargetHost != nil:
		return *n.settings.TargetHost
	}
	return "-"
}

// outcomeOf is what an error is called where a node has one line.
func outcomeOf(err error) string {
	var end *activate.OutcomeError
	if errors.As(err, &end) && fault.Of(err) == end.Class() {
		return string(end.Event.Outcome) // the host's own word
	}
	return map[fault.Class]string{
		fault.Other: outcomeFailed, fault.Usage: outcomeFailed, fault.Evaluation: outcomeEvaluation,
		fault.Build: outcomeBuild, fault.Push: outcomePush, fault.Keys: outcomeKeys,
		fault.Unreachable: outcomeUnreachable, fault.Refused: outcomeRefused,
		fault.RolledBack: string(wire.RolledBack), fault.Unknown: outcomeUnknown, fault.Interrupted: outcomeInterrupted,
	}[fault.Of(err)]
}

// failure turns an error into a result.
func failure(err error) result {
	r := result{outcome: outcomeOf(err), err: err, code: exitCode(err)}
	if note := fault.Cause(err); note != r.outcome {
		r.note = strings.TrimPrefix(note, r.outcome+": ")
	}
	return r
}

// told is the result as one text.
func (r result) told() string {
	if r.note == "" {
		return r.outcome
	}
	return r.outcome + ": " + r.note
}
