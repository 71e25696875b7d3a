package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"flakeops/activate"
	"flakeops/activate/wire"
	"flakeops/flake"
	"flakeops/internal/remote"
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

// ErrInterrupted is why the context of Main ends when a signal ends it.
var ErrInterrupted = errors.New("interrupted")

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

// coded gives an error the exit code of the stage in which it happened, for
// causes that have no code of their own.
type coded struct {
	code int
	err  error
}

func (c *coded) Error() string { return c.err.Error() }
func (c *coded) Unwrap() error { return c.err }

// withCode is nil for no error.
func withCode(code int, err error) error {
	if err == nil {
		return nil
	}
	return &coded{code, err}
}

// certain is an error whose class is known, whatever its cause says of itself:
// after a step that changed the host, a connection that is lost is no host that
// was not reached.
type certain struct {
	code    int
	outcome string
	err     error
}

func (c *certain) Error() string { return c.err.Error() }
func (c *certain) Unwrap() error { return c.err }

// exitCode is the one place where errors become exit codes.
func exitCode(err error) int {
	if err == nil {
		return ExitDone
	}
	if known := new(certain); errors.As(err, &known) {
		return known.code
	}
	if code, ok := hostCode(err); ok {
		return code
	}
	var (
		eval  *flake.EvalError
		lock  *flake.LockError
		build *flake.BuildError
		key   *keysError
		stage *coded
	)
	switch {
	case errors.Is(err, ErrInterrupted), errors.Is(err, context.Canceled):
		return ExitInterrupted
	case errors.As(err, &eval), errors.As(err, &lock):
		return exitEvaluation
	case errors.As(err, &build):
		return exitBuild
	case errors.As(err, &key):
		return exitPush
	case errors.As(err, &stage):
		return stage.code
	}
	return exitOther
}

// hostCode is for errors that tell what happened on or on the way to a host.
func hostCode(err error) (code int, ok bool) {
	var (
		unreachable *remote.UnreachableError
		lost        *remote.LostError
		key         *remote.HostKeyError
		auth        *remote.AuthError
		elevation   *remote.ElevationError
		shell       *remote.ShellError
		session     *remote.SessionError
		refused     *activate.RefusedError
		never       *activate.NotStartedError
		outcome     *activate.OutcomeError
		unknown     *activate.UnknownOutcomeError
	)
	switch {
	case errors.As(err, &unknown):
		return exitUnknown, true
	case errors.As(err, &outcome):
		if outcome.Event.Outcome == wire.RolledBack {
			return exitRolledBack, true
		}
		return exitUnknown, true
	case errors.As(err, &refused), errors.As(err, &key), errors.As(err, &auth), errors.As(err, &elevation),
		errors.As(err, &shell), errors.As(err, &session):
		return exitRefused, true
	case errors.As(err, &unreachable), errors.As(err, &lost):
		return exitUnreachable, true
	case errors.As(err, &never) && !errors.Is(err, ErrInterrupted):
		return exitRefused, true
	}
	return 0, false
}
