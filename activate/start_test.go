package activate

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"flakeops/activate/wire"
	"flakeops/internal/run"
)

// willing answers as a host on which all goes well, except to starts that a test
// has fail.
func willing(failing func(n int) error) *liar {
	h, known, starts := &liar{}, false, 0
	h.answer = func(ctx context.Context, ask string, send func(wire.Event)) error {
		if ask == "start" {
			starts++
			if err := failing(starts); err != nil {
				return err
			}
			if known {
				send(wire.Event{Kind: wire.Refused, Message: "deployment ID was started before"})
				return &run.Error{Argv: []string{"agent"}, Code: 1}
			}
			known = true
		}
		if !known {
			send(wire.Event{Kind: wire.Refused, Message: "this host knows no deployment ID"})
			return &run.Error{Argv: []string{"agent"}, Code: 1}
		}
		if ask == "confirm" {
			send(wire.Event{Kind: wire.Reply, Reply: wire.Accepted})
			send(wire.Event{Seq: 3, Kind: wire.Finished, Outcome: wire.Deployed})
			return nil
		}
		send(wire.Event{Seq: 1, Kind: wire.Started, Old: oldSystem, New: newSystem})
		send(wire.Event{Seq: 2, Kind: wire.Phase, Phase: wire.PhaseWaiting, Seconds: 30})
		return beat(ctx, send)
	}
	return h
}

func notStarted(text string) error {
	return &run.Error{Argv: []string{"agent"}, Code: -1, Err: &run.NotStartedError{Err: errors.New(text)}}
}

func TestAStartThatDidNotReachTheHostIsTriedAgain(t *testing.T) {
	lost := &run.Error{Argv: []string{"agent"}, Code: -1, Err: errors.New("lost the connection")}
	for name, c := range map[string]struct {
		failing func(n int) error
		starts  int
	}{
		"refused sessions": {func(n int) error {
			if n < 4 {
				return notStarted("ssh: rejected: connect failed (open failed)")
			}
			return nil
		}, 4},
		"lost on its way": {func(n int) error {
			if n == 1 {
				return lost
			}
			return nil
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := willing(c.failing)
				if e, _, err := h.deploy(t.Context()); err != nil || e.Outcome != wire.Deployed {
					t.Errorf("%+v, %v", e, err)
				}
				if n := h.times("start"); n != c.starts {
					t.Errorf("started %d times, want %d", n, c.starts)
				}
			})
		})
	}
}

// The answer to the first start was lost, and its event log is not there yet when
// the host is attached to: it is started again, which the host refuses, and attached to.
func TestAStartThatArrivedAfterAllIsAttachedTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := willing(func(int) error { return nil })
		inner := h.answer
		h.answer = func(ctx context.Context, ask string, send func(wire.Event)) error {
			if ask == "start" && h.times("start") == 1 {
				_ = inner(canceled(), "start", func(wire.Event) {})
				return errors.New("lost the connection")
			}
			if ask == "attach" && h.times("start") == 1 {
				send(wire.Event{Kind: wire.Refused, Message: "this host knows no deployment ID"})
				return nil
			}
			return inner(ctx, ask, send)
		}
		if e, _, err := h.deploy(t.Context()); err != nil || e.Outcome != wire.Deployed {
			t.Errorf("%+v, %v", e, err)
		}
	})
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestAStartThatNeverReachesTheHostIsSaidAsThat(t *testing.T) {
	gone := errors.New("connection refused")
	for name, c := range map[string]struct {
		failing func(int) error
		noDial  error
		says    string
	}{
		"sessions are refused": {func(int) error { return notStarted("open failed") }, nil, "open failed"},
		"the link is gone":     {func(int) error { return notStarted("lost the connection") }, gone, "connection refused"},
		"all are lost":         {func(int) error { return errors.New("lost the connection") }, nil, "lost the connection"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := willing(c.failing)
				h.noDial = func() error { return c.noDial }
				began := time.Now()
				_, _, err := h.deploy(t.Context())
				var never *NotStartedError
				if !errors.As(err, &never) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "did not reach the host") {
					t.Errorf("error %v", err)
				}
				if c.noDial != nil && !errors.Is(err, gone) {
					t.Errorf("%v does not unwrap to its cause", err)
				}
				if took := time.Since(began); took > 2*time.Minute {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

// An interrupt before the host has heard of anything ends the deployment.
func TestAStartThatFailsIsNotTriedAgainAfterAnInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := errors.New("interrupted")
		ctx, cancel := context.WithCancelCause(t.Context())
		h := willing(func(int) error { cancel(stop); time.Sleep(time.Second); return notStarted("open failed") })
		_, _, err := h.deploy(ctx)
		if !errors.Is(err, stop) || h.times("start") != 1 {
			t.Errorf("error %v after %d starts", err, h.times("start"))
		}
	})
}

// Where only one session fits, the request to go back needs a connection of its own.
func TestAnAbortThatFindsNoSessionGoesOverAFreshConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		aborted := make(chan struct{})
		h := &liar{}
		h.answer = func(ctx context.Context, ask string, send func(wire.Event)) error {
			switch {
			case ask == "abort" && h.dials == 0:
				return notStarted("open failed")
			case ask == "abort":
				send(wire.Event{Kind: wire.Reply, Reply: wire.Accepted})
				close(aborted)
				return beat(ctx, send)
			}
			send(wire.Event{Seq: 1, Kind: wire.Started, Old: oldSystem, New: newSystem})
			cancel()
			go func() { _ = beat(ctx, send) }()
			<-aborted
			send(wire.Event{Seq: 2, Kind: wire.Finished, Outcome: wire.RolledBack})
			return nil
		}
		began := time.Now()
		e, _, _ := h.deploy(ctx)
		if e.Outcome != wire.RolledBack || time.Since(began) > 10*time.Second {
			t.Errorf("%+v after %s", e, time.Since(began))
		}
	})
}

func TestTheConnectionThatConfirmedIsHandedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := willing(func(int) error { return nil })
		var adopted []Link
		_, _, err := h.deploy(t.Context(), func(host *Host, _ *wire.Request) {
			host.Adopt = func(l Link) { adopted = append(adopted, l) }
		})
		if err != nil || len(adopted) != 1 || h.closed != 0 {
			t.Errorf("%d adopted, %d closed, %v", len(adopted), h.closed, err)
		}
		h = willing(func(int) error { return nil })
		if _, _, err := h.deploy(t.Context()); err != nil || h.closed != 1 {
			t.Errorf("%d closed, %v", h.closed, err)
		}
	})
}

// What a confirm failed for is the network's last word, not that time was over.
func TestAConfirmThatFailedNamesTheLastNetworkError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dials atomic.Int64
		h := newHost()
		h.onStart = func(h *fakeHost) {
			usual(h)
			time.Sleep(31 * time.Second)
			h.finish(wire.RolledBack, "not confirmed")
		}
		dial := func(ctx context.Context) (Link, error) {
			if dials.Add(1) < 4 {
				return nil, errors.New("connection refused")
			}
			<-ctx.Done()
			return nil, errors.New("asking for the ssh configuration: " + ctx.Err().Error())
		}
		_, err := Run(t.Context(), Host{Link: &fakeLink{h}, Dial: dial}, request(), func(wire.Event) {})
		if err == nil || !strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "deadline exceeded") {
			t.Errorf("error %v", err)
		}
	})
}
