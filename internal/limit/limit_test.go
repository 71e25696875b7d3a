package limit

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

func TestBecause(t *testing.T) {
	if err := Because(t.Context(), io.EOF); err != io.EOF {
		t.Errorf("while the context lives: %v", err)
	}

	late, cancel := Within(t.Context(), time.Nanosecond, "connecting")
	defer cancel()
	<-late.Done()
	if err := Because(late, io.EOF); !errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "connecting took longer than 1ns") {
		t.Errorf("too late: %v", err)
	}
	if Because(late, nil) != nil {
		t.Error("a step that ended well is too late")
	}

	why := errors.New("interrupted")
	parent, stop := context.WithCancelCause(t.Context())
	ctx, cancel := Within(parent, time.Hour, "connecting")
	defer cancel()
	stop(why)
	if err := Because(ctx, io.EOF); err != why {
		t.Errorf("interrupted: %v", err)
	}
}
