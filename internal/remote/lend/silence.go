package lend

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"
)

// SilentError is a store on a host that owes an answer and gives none.
type SilentError struct{ limit time.Duration }

func (e *SilentError) Error() string {
	return fmt.Sprintf("it was silent for %v while nix waited for it", e.limit)
}

// Hint is what may hold it.
func (e *SilentError) Hint() string {
	return "look whether the host is busy with a garbage collection, or its disk hangs"
}

// talk follows a conversation between nix and a store. Only the store's silence
// counts: while it is nix's turn, nix may take its time.
type talk struct {
	limit  time.Duration
	silent func(error) // called once, when the store was silent for the limit

	mu    sync.Mutex
	timer *time.Timer
}

// followTalk begins with nix, which speaks first; stop ends it.
func followTalk(limit time.Duration, cancel context.CancelCauseFunc) *talk {
	return &talk{limit: limit, silent: func(err error) { cancel(err) }}
}

// nixSaid starts the clock anew, storeSaid stops it.
func (t *talk) nixSaid() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.timer == nil {
		t.timer = time.AfterFunc(t.limit, func() { t.silent(&SilentError{t.limit}) })
		return
	}
	t.timer.Reset(t.limit)
}

func (t *talk) storeSaid() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.timer != nil {
		t.timer.Stop()
	}
}

// nix is what nix says, and store takes what the store does.
func (t *talk) nix(r io.Reader) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		n, err := r.Read(p)
		if n > 0 {
			t.nixSaid()
		}
		return n, err
	})
}

func (t *talk) store(w io.Writer) io.Writer {
	return writerFunc(func(p []byte) (int, error) {
		t.storeSaid()
		return w.Write(p)
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
