// Package exit is what a run ends with: each exit code and its meaning, and the one
// place where errors become codes.
package exit

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"flakeops/internal/fault"
	"flakeops/internal/fleet"
)

// The exit codes. They are part of the interface: scripts test them.
const (
	Done        = 0
	Other       = 1
	Evaluation  = 2
	Build       = 3
	Push        = 4
	RolledBack  = 5
	Unknown     = 6
	Unreachable = 7
	Refused     = 8
	Changes     = 10
	Interrupted = 130
)

// Table is every exit code with its meaning, least bad first. The order
// decides which code a run of many nodes ends with: the further a node got
// towards a host that is not as it was, the worse, and a host that nobody knows
// the state of is worst. An interruption hides failures that left the hosts as
// they were, but not that one.
func Table() []Meaning {
	return []Meaning{
		{Done, "done"},
		{Changes, "plan: a deployment would change something"},
		{Other, "usage, or any other error"},
		{Evaluation, "evaluation failed"},
		{Build, "build failed"},
		{Push, "push failed, or keys could not be read or sent"},
		{Unreachable, "host unreachable, or the connection to it was lost"},
		{Refused, "refused: the host is being deployed to, its key changed, it let nobody in, or it may be another"},
		{RolledBack, "activation failed, and the host was rolled back"},
		{Interrupted, "interrupted"},
		{Unknown, "rollback failed or was off, or the outcome is unknown: look at the host"},
	}
}

// Meaning is what an exit code says.
type Meaning struct {
	Code int
	Text string
}

// Worse returns the worse of two exit codes.
func Worse(a, b int) int {
	if badness(a) < badness(b) {
		return b
	}
	return a
}

// badness is a code's place in the table; a code that is not there is worst.
func badness(code int) int {
	table := Table()
	for i, e := range table {
		if e.Code == code {
			return i
		}
	}
	return len(table)
}

// Help is the part of the help that lists the codes.
func Help() string {
	var b strings.Builder
	b.WriteString("EXIT STATUS\n")
	for _, e := range Table() {
		fmt.Fprintf(&b, "  %3d  %s\n", e.Code, e.Text)
	}
	b.WriteString("Of several nodes' codes the one furthest down this list wins.\n")
	return b.String()
}

// Of is the one place where errors become exit codes.
func Of(err error) int {
	if err == nil {
		return Done
	}
	var known *status
	if errors.As(err, &known) {
		return known.code
	}
	return map[fault.Class]int{
		fault.Other: Other, fault.Usage: Other, fault.Evaluation: Evaluation, fault.Build: Build,
		fault.Push: Push, fault.Keys: Push, fault.Unreachable: Unreachable, fault.Refused: Refused,
		fault.RolledBack: RolledBack, fault.Unknown: Unknown, fault.Interrupted: Interrupted,
	}[fault.Of(err)]
}

// OfResult is the exit code of a node that ended so.
func OfResult(r fleet.Result) int {
	if r.Outcome == fleet.Changes {
		return Changes
	}
	return Of(r.Err)
}

// Worst is the exit code of a run.
func Worst(ctx context.Context, r *fleet.Run) int {
	code, whole := Done, true
	for _, n := range r.Nodes {
		res := n.Result()
		code = Worse(code, OfResult(res))
		whole = whole && res.Err == nil && res.Outcome != fleet.Held
	}
	if ctx.Err() != nil && !whole {
		code = Worse(code, Interrupted)
	}
	return code
}
