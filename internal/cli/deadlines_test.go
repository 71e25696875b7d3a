package cli

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"flakeops/internal/fault"
	"flakeops/internal/remote"
)

func TestBecause(t *testing.T) {
	lost := &remote.UnreachableError{Host: "web", Err: errors.New("gone")}
	if err := because(t.Context(), lost); err != error(lost) {
		t.Errorf("while the context lives: %v", err)
	}

	late, cancel := within(t.Context(), time.Nanosecond, "connecting")
	defer cancel()
	<-late.Done()
	err := because(late, lost)
	if exitCode(err) != exitUnreachable || !strings.Contains(err.Error(), "connecting took longer than 1ns") {
		t.Errorf("too late: %v", err)
	}
	if because(late, nil) != nil {
		t.Error("a step that ended well is too late")
	}

	parent, stop := context.WithCancelCause(t.Context())
	ctx, cancel := within(parent, time.Hour, "connecting")
	defer cancel()
	stop(fault.ErrInterrupted)
	if err := because(ctx, lost); exitCode(err) != ExitInterrupted {
		t.Errorf("interrupted: %v", err)
	}
}
