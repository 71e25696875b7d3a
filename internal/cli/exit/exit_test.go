package exit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"flakeops/activate"
	"flakeops/activate/wire"
	"flakeops/flake"
	"flakeops/flake/store"
	"flakeops/internal/fault"
	"flakeops/internal/remote"
	"flakeops/internal/remote/auth"
	"flakeops/internal/remote/sessions"
	"flakeops/internal/remote/trust"
	"flakeops/internal/run"
)

func TestExitCodes(t *testing.T) {
	outcome := func(o wire.Outcome) error { return &activate.OutcomeError{Event: wire.Event{Outcome: o}} }
	for name, c := range map[string]struct {
		err  error
		want int
	}{
		"nothing":          {nil, 0},
		"anything":         {os.ErrNotExist, 1},
		"evaluation":       {&flake.EvalError{}, 2},
		"lock":             {&flake.LockError{}, 2},
		"flake":            {fault.During(fault.Evaluation, errors.New("no flake found")), 2},
		"build":            {&store.BuildError{}, 3},
		"nix-store":        {fault.During(fault.Build, os.ErrNotExist), 3},
		"push":             {fault.During(fault.Push, errors.New("disk full")), 4},
		"rolled back":      {outcome(wire.RolledBack), 5},
		"rollback failed":  {outcome(wire.RollbackFailed), 6},
		"left as it is":    {outcome(wire.LeftBroken), 6},
		"unknown":          {&activate.UnknownOutcomeError{Err: context.Canceled}, 6},
		"unreachable":      {&remote.UnreachableError{Err: os.ErrDeadlineExceeded}, 7},
		"lost while push":  {fault.During(fault.Push, &remote.UnreachableError{Err: os.ErrClosed}), 7},
		"lost":             {fmt.Errorf("reading the host's facts: %w", &run.Error{Code: -1, Err: &sessions.LostError{Err: os.ErrClosed}}), 7},
		"locked":           {&activate.RefusedError{Reason: "busy"}, 8},
		"host key":         {&trust.HostKeyError{}, 8},
		"nobody let in":    {&auth.Error{Err: os.ErrPermission}, 8},
		"interrupted":      {fault.ErrInterrupted, 130},
		"cancelled":        {fmt.Errorf("build: %w", context.Canceled), 130},
		"cancelled a push": {fault.During(fault.Push, fault.ErrInterrupted), 130},
	} {
		if got := Of(c.err); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
		if c.err != nil {
			if got := Of(fmt.Errorf("web: %w", c.err)); got != c.want {
				t.Errorf("%s, wrapped: %d, want %d", name, got, c.want)
			}
		}
	}
}

func TestTheWorstCodeWins(t *testing.T) {
	order := []int{0, 10, 1, 2, 3, 4, 7, 8, 5, 130, 6}
	for i, less := range order {
		for _, more := range order[i:] {
			if Worse(less, more) != more || Worse(more, less) != more {
				t.Errorf("of %d and %d, %d and %d won", less, more, Worse(less, more), Worse(more, less))
			}
		}
	}
	if len(Table()) != len(order) {
		t.Errorf("the table has %d codes", len(Table()))
	}
}

// A reader of results that went away says nothing about the hosts.
func TestResultsThatCannotBeWrittenKeepTheWorseCode(t *testing.T) {
	for _, c := range []struct{ code, want int }{{0, 1}, {Changes, 1}, {Build, 3}, {RolledBack, 5}, {Unknown, 6}} {
		if got := Of(With(c.code, os.ErrClosed)); got != c.want {
			t.Errorf("%d became %d, want %d", c.code, got, c.want)
		}
	}
}
