package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"flakeops/internal/fault"
)

// Stdin may hold a secret and may never end: no file has its name, and an interruption
// ends the wait for it.
func TestStdinThatNeverEnds(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	out, in := io.Pipe()
	ctx, end := context.WithCancelCause(t.Context())
	returned := make(chan error)
	go func() {
		_, _, err := (&session{stdin: out}).inputs(ctx, "-")
		returned <- err
	}()
	if _, err := in.Write([]byte("secret")); err != nil { // it is being read
		t.Fatal(err)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) > 0 {
		t.Errorf("%v, %v", names, err)
	}
	end(fault.ErrInterrupted)
	if err := <-returned; !errors.Is(err, fault.ErrInterrupted) {
		t.Errorf("%v", err)
	}
	_ = in.Close()
}

func TestStdinIsReadByEach(t *testing.T) {
	next, end, err := (&session{stdin: strings.NewReader("text")}).inputs(t.Context(), "-")
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	for range 2 {
		if text, err := io.ReadAll(next()); err != nil || string(text) != "text" {
			t.Errorf("%q, %v", text, err)
		}
	}
}
