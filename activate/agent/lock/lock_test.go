package lock

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flakeops/activate/wire"
)

func TestLockNamesItsHolder(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	first, err := Take(t.Context(), name, wire.Holder{ID: "A", Operator: "ann@desk", PID: 42, Since: time.Unix(0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(name); err != nil || fi.Mode().Perm()&0o077 != 0 {
		t.Errorf("others can lock it: %v, %v", fi.Mode(), err)
	}
	_, err = Take(t.Context(), name, wire.Holder{ID: "B"})
	var locked *TakenError
	if !errors.As(err, &locked) || locked.Holder == nil || locked.Holder.ID != "A" {
		t.Fatalf("error %v", err)
	}
	for _, want := range []string{"A", "ann@desk", "42", "1970"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}
	if err := Check(name); !errors.As(err, &locked) || locked.Holder == nil || locked.Holder.ID != "A" {
		t.Errorf("who asks is told %v", err)
	}
	if err := os.Truncate(name, 0); err != nil {
		t.Fatal(err)
	}
	if err := Check(name); !errors.As(err, &locked) || locked.Holder != nil {
		t.Errorf("who asks for a holder without a name is told %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got := make(chan error, 1)
	go func() {
		second, err := Take(ctx, name, wire.Holder{ID: "B"})
		if err == nil {
			second.Release()
		}
		got <- err
	}()
	first.Release()
	if err := <-got; err != nil {
		t.Errorf("who waits gets it in the end: %v", err)
	}
	if b, _ := os.ReadFile(name); len(b) > 0 {
		t.Errorf("a lock nobody holds names %s", b)
	}
	if err := os.WriteFile(name+"-of-one-that-was-killed", []byte(`{"id":"A"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, free := range []string{name, name + "-that-was-never-taken", name + "-of-one-that-was-killed"} {
		if err := Check(free); err != nil {
			t.Errorf("%s: %v", free, err)
		}
	}
}
