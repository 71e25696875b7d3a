package activate

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"flakeops/activate/wire"
	"flakeops/internal/nixname"
	"flakeops/internal/run"
)

const (
	oldSystem = nixname.StoreDir + "/00000000000000000000000000000000-old"
	newSystem = nixname.StoreDir + "/11111111111111111111111111111111-new"
	agentPath = nixname.StoreDir + "/22222222222222222222222222222222-flakeops"
)

// fakeHost plays the agent's end of the protocol. Its log only grows; streams
// copy it as the real agent's do. Whether a link carries anything is up to the
// test.
type fakeHost struct {
	mu      sync.Mutex
	events  []wire.Event
	req     wire.Request
	open    bool // the token is accepted
	done    bool
	cut     bool // no link carries anything
	noDial  error
	dials   int
	aborted bool
	grown   chan struct{}

	onStart   func(*fakeHost)
	onConfirm func(*fakeHost)
	onAbort   func(*fakeHost)
	late      time.Duration // that the start takes to arrive; until then the host knows of nothing
	known     bool          // the start has arrived
	garbage   string        // printed instead of events
	exit      error         // how start ends, when set
}

func (h *fakeHost) emit(e wire.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e.Seq = int64(len(h.events) + 1)
	h.events = append(h.events, e)
	h.done = h.done || e.Kind == wire.Finished
	h.open = h.open || e.Phase == wire.PhaseWaiting
	close(h.grown)
	h.grown = make(chan struct{})
}

func (h *fakeHost) finish(o wire.Outcome, message string) {
	h.emit(wire.Event{Kind: wire.Finished, ID: "ID", Outcome: o, Message: message, Old: oldSystem, New: newSystem})
}

func (h *fakeHost) setCut(cut bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cut = cut
	close(h.grown)
	h.grown = make(chan struct{})
}

func (h *fakeHost) Dial(ctx context.Context) (Link, error) {
	h.mu.Lock()
	h.dials++
	cut, err := h.cut, h.noDial
	h.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if cut {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return &fakeLink{h}, nil
}

type fakeLink struct{ h *fakeHost }

func (l *fakeLink) Root() run.Runner { return l }
func (l *fakeLink) Close() error     { return nil }

func (l *fakeLink) Run(ctx context.Context, cmd run.Command) (run.Result, error) {
	h := l.h
	doc, err := io.ReadAll(cmd.Stdin)
	if err != nil {
		return run.Result{}, err
	}
	if h.garbage != "" {
		_, err := io.WriteString(cmd.Stdout, h.garbage)
		return run.Result{}, err
	}
	send := func(e wire.Event) {
		b, _ := wire.Encode(e)
		_, _ = cmd.Stdout.Write(b)
	}
	from := int64(1)
	switch cmd.Argv[2] {
	case "start":
		if err := json.Unmarshal(doc, &h.req); err != nil {
			return run.Result{}, err
		}
		if h.exit != nil {
			return run.Result{Code: 127}, h.exit
		}
		time.Sleep(h.late)
		h.mu.Lock()
		h.known = true
		h.mu.Unlock()
		go h.onStart(h)
	case "attach":
		var a wire.Attach
		if err := json.Unmarshal(doc, &a); err != nil {
			return run.Result{}, err
		}
		from = a.From
		h.mu.Lock()
		known := h.known
		h.mu.Unlock()
		if !known {
			send(wire.Event{Kind: wire.Refused, Message: "this host knows no deployment"})
			return run.Result{}, nil
		}
		switch {
		case a.Abort:
			h.mu.Lock()
			first := !h.aborted
			h.aborted = true
			h.mu.Unlock()
			if first && h.onAbort != nil {
				go h.onAbort(h)
			}
			send(wire.Event{Kind: wire.Reply, Reply: wire.Accepted})
		case a.Token != "":
			h.mu.Lock()
			first := h.open
			h.open = false
			h.mu.Unlock()
			if first && h.onConfirm != nil {
				go h.onConfirm(h)
			}
			send(wire.Event{Kind: wire.Reply, Reply: wire.Accepted})
		}
	}
	return run.Result{}, l.copy(ctx, from, send)
}

func (l *fakeLink) copy(ctx context.Context, from int64, send func(wire.Event)) error {
	h := l.h
	beat := time.NewTicker(wire.HeartbeatEvery)
	defer beat.Stop()
	for {
		h.mu.Lock()
		cut, grown, done := h.cut, h.grown, h.done
		var news []wire.Event
		if !cut {
			news = slices.Clone(h.events[min(int(from)-1, len(h.events)):])
		}
		h.mu.Unlock()
		for _, e := range news {
			send(e)
			from = e.Seq + 1
		}
		if done && !cut {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-grown:
		case <-beat.C:
			if !cut {
				send(wire.Event{Kind: wire.Heartbeat})
			}
		}
	}
}

func request() wire.Request {
	return wire.Request{ID: "ID", Node: "web", Goal: wire.Switch, System: newSystem, Agent: agentPath,
		Profile: "/nix/var/nix/profiles/system", MagicRollback: true, AutoRollback: true,
		ActivationTimeout: 60, ConfirmTimeout: 30}
}

// usual is a host on which all goes well.
func usual(h *fakeHost) {
	h.emit(wire.Event{Kind: wire.Started, Old: oldSystem, New: newSystem})
	h.emit(wire.Event{Kind: wire.Phase, Phase: wire.PhaseActivating})
	time.Sleep(time.Second)
	h.emit(wire.Event{Kind: wire.Phase, Phase: wire.PhaseWaiting, Seconds: 30})
}

func newHost() *fakeHost {
	return &fakeHost{
		grown:     make(chan struct{}),
		onStart:   usual,
		onConfirm: func(h *fakeHost) { h.finish(wire.Deployed, "") },
	}
}

func (h *fakeHost) deploy(ctx context.Context) (wire.Event, []wire.Event, error) {
	var seen []wire.Event
	e, err := Run(ctx, Host{Link: &fakeLink{h}, Dial: h.Dial}, request(), func(e wire.Event) { seen = append(seen, e) })
	return e, seen, err
}

func TestRunConfirmsOverAFreshConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		e, seen, err := h.deploy(t.Context())
		if err != nil || e.Outcome != wire.Deployed {
			t.Fatalf("%+v, %v", e, err)
		}
		if h.dials != 1 {
			t.Errorf("dialled %d times, want once, for the confirm", h.dials)
		}
		var numbers []int64
		for _, e := range seen {
			if e.Seq > 0 {
				numbers = append(numbers, e.Seq)
			}
		}
		if !slices.Equal(numbers, []int64{1, 2, 3, 4}) {
			t.Errorf("events %v were observed, want each once and in order", numbers)
		}
		if len(h.req.TokenHash) != wire.TokenHashLen {
			t.Errorf("token hash %q", h.req.TokenHash)
		}
	})
}

func TestRunConfirmsAfterTheLinkHealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		h.onStart = func(h *fakeHost) {
			h.emit(wire.Event{Kind: wire.Started})
			h.emit(wire.Event{Kind: wire.Phase, Phase: wire.PhaseActivating})
			h.setCut(true)
			h.emit(wire.Event{Kind: wire.Phase, Phase: wire.PhaseWaiting, Seconds: 30})
			time.Sleep(15 * time.Second)
			h.setCut(false)
		}
		e, seen, err := h.deploy(t.Context())
		if err != nil || e.Outcome != wire.Deployed {
			t.Fatalf("%+v, %v", e, err)
		}
		if !slices.ContainsFunc(seen, func(e wire.Event) bool { return strings.Contains(e.Phase, "no contact") }) {
			t.Error("nobody was told that the link was lost")
		}
	})
}

// While its first link is stuck, other links may reach a host that has not heard
// of the deployment yet.
func TestRunWaitsForAStartThatIsOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		h.late = 20 * time.Second
		if e, _, err := h.deploy(t.Context()); err != nil || e.Outcome != wire.Deployed {
			t.Errorf("%+v, %v", e, err)
		}
	})
}

func TestRunTellsWhyTheConfirmFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		h.noDial = errors.New("connection refused")
		h.onStart = func(h *fakeHost) {
			usual(h)
			time.Sleep(30 * time.Second)
			h.finish(wire.RolledBack, "not confirmed")
		}
		_, _, err := h.deploy(t.Context())
		var outcome *OutcomeError
		if !errors.As(err, &outcome) || outcome.Event.Outcome != wire.RolledBack {
			t.Fatalf("error %v, want a rollback", err)
		}
		if !strings.Contains(err.Error(), "not confirmed") || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("error %q does not say why", err)
		}
		if h.dials < 20 {
			t.Errorf("only %d attempts in 30 s", h.dials)
		}
	})
}

func TestRunGivesUpOnAHostThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		h.onStart = func(h *fakeHost) {
			h.emit(wire.Event{Kind: wire.Started})
			h.setCut(true)
		}
		began := time.Now()
		_, _, err := h.deploy(t.Context())
		var unknown *UnknownOutcomeError
		if !errors.As(err, &unknown) || unknown.ID != "ID" {
			t.Fatalf("error %v, want an unknown outcome", err)
		}
		if took := time.Since(began); took < 90*time.Second || took > 5*time.Minute {
			t.Errorf("gave up after %s", took)
		}
	})
}

func TestRunRefused(t *testing.T) {
	exit := &run.Error{Argv: []string{"sudo"}, Code: 127, Stderr: "sudo: command not found"}
	for name, c := range map[string]struct {
		host func(*fakeHost)
		want string
	}{
		"lock": {func(h *fakeHost) {
			h.garbage = `{"seq":0,"kind":"refused","message":"held by bob","holder":{"id":"X"}}` + "\n"
		}, "held by bob"},
		"agent missing": {func(h *fakeHost) { h.exit = exit }, "command not found"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHost()
				c.host(h)
				_, _, err := h.deploy(t.Context())
				var refused *RefusedError
				if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want a refusal that says %q", err, c.want)
				}
			})
		})
	}
}

func TestRunEndsOnGarbage(t *testing.T) {
	for _, garbage := range []string{"motd\n", `{"seq":1,`, strings.Repeat("x", 2*wire.MaxLine)} {
		synctest.Test(t, func(t *testing.T) {
			h := newHost()
			h.garbage = garbage
			_, _, err := h.deploy(t.Context())
			var unknown *UnknownOutcomeError
			if !errors.As(err, &unknown) {
				t.Errorf("%.20q: error %v, want an unknown outcome", garbage, err)
			}
		})
	}
}

func TestRunInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		ctx, cancel := context.WithCancel(t.Context())
		h.onStart = func(h *fakeHost) {
			h.emit(wire.Event{Kind: wire.Started})
			h.emit(wire.Event{Kind: wire.Phase, Phase: wire.PhaseActivating})
			cancel()
		}
		h.onAbort = func(h *fakeHost) { h.finish(wire.RolledBack, "aborted by the operator") }
		e, _, err := h.deploy(ctx)
		if e.Outcome != wire.RolledBack || err == nil {
			t.Fatalf("%+v, %v", e, err)
		}
		if h.dials != 0 {
			t.Error("an interrupted deployment was confirmed")
		}
	})
}
