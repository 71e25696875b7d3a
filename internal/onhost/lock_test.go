package onhost

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestLock(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	first, err := Lock(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if fi, err := first.Stat(); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("others can lock it: %v, %v", fi.Mode(), err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Lock(over, name); !errors.Is(err, ErrLocked) {
		t.Errorf("the second got it: %v", err)
	}
	got := make(chan error, 1)
	go func() {
		f, err := Lock(t.Context(), name)
		if err == nil {
			err = f.Close()
		}
		got <- err
	}()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Errorf("who waits does not get it: %v", err)
	}
	if err := os.Symlink(name, name+"-link"); err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(t.Context(), name+"-link"); err == nil {
		t.Error("a link is followed")
	}
}
