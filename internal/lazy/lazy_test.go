package lazy

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
)

func TestAValueIsComputedOnce(t *testing.T) {
	for _, err := range []error{nil, io.EOF} {
		var v Value[int]
		computed := 0
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				got, gotErr := v.Get(t.Context(), func(context.Context) (int, error) { computed++; return 7, err })
				if got != 7 || gotErr != err {
					t.Errorf("%d, %v", got, gotErr)
				}
			})
		}
		all.Wait()
		if computed != 1 {
			t.Errorf("computed %d times", computed)
		}
	}
}

func TestAnAttemptThatEndedWithItsAskerIsNotRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("the asker left")
		ctx, leave := context.WithCancelCause(t.Context())
		var v Value[int]
		first := make(chan error)
		go func() {
			_, err := v.Get(ctx, func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, io.EOF })
			first <- err
		}()
		synctest.Wait()
		second := make(chan int)
		go func() {
			got, _ := v.Get(t.Context(), func(context.Context) (int, error) { return 7, nil })
			second <- got
		}()
		synctest.Wait()
		leave(why)
		if err := <-first; err != why {
			t.Errorf("the first was told %v", err)
		}
		if got := <-second; got != 7 {
			t.Errorf("the second got %d", got)
		}
	})
}

func TestWhoWaitsForAnotherMayLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var v Value[int]
		release := make(chan struct{})
		go func() { _, _ = v.Get(t.Context(), func(context.Context) (int, error) { <-release; return 7, nil }) }()
		synctest.Wait()
		ctx, leave := context.WithCancel(t.Context())
		leave()
		if _, err := v.Get(ctx, nil); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		close(release)
		synctest.Wait()
		if got, err := v.Get(t.Context(), nil); got != 7 || err != nil {
			t.Errorf("%d, %v", got, err)
		}
	})
}

func TestEachKeyHasItsOwn(t *testing.T) {
	var m Map[string, string]
	for _, key := range []string{"a", "b", "a"} {
		got, err := m.Of(key).Get(t.Context(), func(context.Context) (string, error) { return key, nil })
		if got != key || err != nil {
			t.Errorf("%s: %q, %v", key, got, err)
		}
	}
}

func TestWhatIsKnownIsAskedForWithoutComputing(t *testing.T) {
	var v Value[int]
	if _, known := v.Known(); known {
		t.Error("known, though nobody asked")
	}
	_, _ = v.Get(t.Context(), func(context.Context) (int, error) {
		if _, known := v.Known(); known {
			t.Error("known while it is computed")
		}
		return 0, io.EOF
	})
	if _, known := v.Known(); known {
		t.Error("an error is no value")
	}
	if before := v.Set(7); before != 0 {
		t.Errorf("before: %d", before)
	}
	if got, known := v.Known(); got != 7 || !known {
		t.Errorf("%d, %v", got, known)
	}
	if got, err := v.Get(t.Context(), nil); got != 7 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
	if before := v.Set(8); before != 7 {
		t.Errorf("before: %d", before)
	}
}
