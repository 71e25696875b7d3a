package fleet

import (
	"errors"
	"strings"

	"flakeops/activate"
	"flakeops/activate/wire"
	"flakeops/internal/fault"
)

// Outcome is how a node ended, in a word or two. An activation's are those of
// wire.Outcome.
type Outcome string

// The outcomes that wire.Outcome does not name.
const (
	Built            Outcome = "built"
	Pushed           Outcome = "pushed"
	DryActivated     Outcome = "dry-activated"
	UpToDate         Outcome = "up to date"
	TakenBack        Outcome = "taken back"
	NotTakenBack     Outcome = "take-back failed"
	Rebooted         Outcome = "rebooted"
	RebootOrdered    Outcome = "reboot ordered"
	KeysSent         Outcome = "keys sent"
	Executed         Outcome = "done"
	Copied           Outcome = "copied"
	Checked          Outcome = "checked"
	Asked            Outcome = "asked"
	Collected        Outcome = "collected"
	WouldCollect     Outcome = "would collect"
	Changes          Outcome = "changes"
	Skipped          Outcome = "skipped"
	Held             Outcome = "not started" // another node failed
	EvaluationFailed Outcome = "evaluation failed"
	BuildFailed      Outcome = "build failed"
	PushFailed       Outcome = "push failed"
	KeysFailed       Outcome = "keys failed"
	Failed           Outcome = "failed"
	Unreachable      Outcome = "unreachable"
	Refused          Outcome = "refused"
	Unknown          Outcome = "unknown"
	Interrupted      Outcome = "interrupted"
)

// Result is how a node ended; the zero value is a node under way.
type Result struct {
	Outcome Outcome
	Note    string // why, in a few words
	Err     error  // of a failure
	Hint    string // what to do about it, which many nodes may share; "" for nothing in particular
}

// String is outcome and note.
func (r Result) String() string {
	if r.Note == "" {
		return string(r.Outcome)
	}
	return string(r.Outcome) + ": " + r.Note
}

// Failure turns an error into a result.
func Failure(err error) Result {
	r := Result{Outcome: OutcomeOf(err), Err: err, Hint: fault.Hint(err)}
	if note := fault.Cause(err); note != string(r.Outcome) {
		r.Note = strings.TrimPrefix(note, string(r.Outcome)+": ")
	}
	return r
}

// OutcomeOf is what an error is called where a node has one line.
func OutcomeOf(err error) Outcome {
	var end *activate.OutcomeError
	if errors.As(err, &end) && fault.Of(err) == end.Class() {
		return Outcome(end.Event.Outcome) // the host's own word
	}
	return map[fault.Class]Outcome{
		fault.Other: Failed, fault.Usage: Failed, fault.Evaluation: EvaluationFailed,
		fault.Build: BuildFailed, fault.Push: PushFailed, fault.Keys: KeysFailed,
		fault.Unreachable: Unreachable, fault.Refused: Refused,
		fault.RolledBack: Outcome(wire.RolledBack), fault.Unknown: Unknown, fault.Interrupted: Interrupted,
	}[fault.Of(err)]
}
