package cli

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
	ExitDone        = 0
	exitOther       = 1
	exitEvaluation  = 2
	exitBuild       = 3
	exitPush        = 4
	exitRolledBack  = 5
	exitUnknown     = 6
	exitUnreachable = 7
	exitRefused     = 8
	exitChanges     = 10
	ExitInterrupted = 130
)

// exitTable is every exit code with its meaning, least bad first. The order
// decides which code a run of many nodes ends with: the further a node got
// towards a host that is not as it was, the worse, and a host that nobody knows
// the state of is worst. An interruption hides failures that left the hosts as
// they were, but not that one.
func exitTable() []exitMeaning {
	return []exitMeaning{
		{ExitDone, "done"},
		{exitChanges, "plan: a deployment would change something"},
		{exitOther, "usage, or any other error"},
		{exitEvaluation, "evaluation failed"},
		{exitBuild, "build failed"},
		{exitPush, "push failed, or keys could not be read or sent"},
		{exitUnreachable, "host unreachable, or the connection to it was lost"},
		{exitRefused, "refused: the host is being deployed to, its key changed, it let nobody in, or it may be another"},
		{exitRolledBack, "activation failed, and the host was rolled back"},
		{ExitInterrupted, "interrupted"},
		{exitUnknown, "rollback failed or was off, or the outcome is unknown: look at the host"},
	}
}

type exitMeaning struct {
	code    int
	meaning string
}

// worse returns the worse of two exit codes.
func worse(a, b int) int {
	if badness(a) < badness(b) {
		return b
	}
	return a
}

// badness is a code's place in the table; a code that is not there is worst.
func badness(code int) int {
	table := exitTable()
	for i, e := range table {
		if e.code == code {
			return i
		}
	}
	return len(table)
}

// exitHelp is the part of the help that lists the codes.
func exitHelp() string {
	var b strings.Builder
	b.WriteString("EXIT STATUS\n")
	for _, e := range exitTable() {
		fmt.Fprintf(&b, "  %3d  %s\n", e.code, e.meaning)
	}
	b.WriteString("Of several nodes' codes the one furthest down this list wins.\n")
	return b.String()
}

// exitCode is the one place where errors become exit codes.
func exitCode(err error) int {
	if err == nil {
		return ExitDone
	}
	var known *exitStatus
	if errors.As(err, &known) {
		return known.code
	}
	return map[fault.Class]int{
		fault.Other: exitOther, fault.Usage: exitOther, fault.Evaluation: exitEvaluation, fault.Build: exitBuild,
		fault.Push: exitPush, fault.Keys: exitPush, fault.Unreachable: exitUnreachable, fault.Refused: exitRefused,
		fault.RolledBack: exitRolledBack, fault.Unknown: exitUnknown, fault.Interrupted: ExitInterrupted,
	}[fault.Of(err)]
}

// codeOf is the exit code of a node that ended so.
func codeOf(r fleet.Result) int {
	if r.Outcome == fleet.Changes {
		return exitChanges
	}
	return exitCode(r.Err)
}

// worst is the exit code of a run.
func worst(ctx context.Context, r *fleet.Run) int {
	code, whole := ExitDone, true
	for _, n := range r.Nodes {
		res := n.Result()
		code = worse(code, codeOf(res))
		whole = whole && res.Err == nil && res.Outcome != fleet.Held
	}
	if ctx.Err() != nil && !whole {
		code = worse(code, ExitInterrupted)
	}
	return code
}
