package activate

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"flakeops/activate/wire"
	"flakeops/internal/run"
)

// liar is a host that says what a test has it say, whatever it is asked.
type liar struct {
	mu     sync.Mutex
	dials  int
	asked  []string // verbs, with what an attach wants
	closed int
	noDial func() error

	answer func(ctx context.Context, ask string, send func(wire.Event)) error
}

func (h *liar) Root() run.Runner { return h }

func (h *liar) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed++
	return nil
}

func (h *liar) Dial(context.Context) (Link, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dials++
	if h.noDial != nil {
		if err := h.noDial(); err != nil {
			return nil, err
		}
	}
	return h, nil
}

func (h *liar) Run(ctx context.Context, cmd run.Command) (run.Result, error) {
	ask := cmd.Argv[2]
	var a wire.Attach
	if doc, err := io.ReadAll(cmd.Stdin); err == nil && ask == "attach" && json.Unmarshal(doc, &a) == nil {
		switch {
		case a.Abort:
			ask = "abort"
		case a.Token != "":
			ask = "confirm"
		}
	}
	h.mu.Lock()
	h.asked = append(h.asked, ask)
	h.mu.Unlock()
	return run.Result{}, h.answer(ctx, ask, func(e wire.Event) {
		b, _ := wire.Encode(e)
		_, _ = cmd.Stdout.Write(b)
	})
}

func (h *liar) times(ask string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(h.asked), func(s string) bool { return s != ask }))
}

func (h *liar) deploy(ctx context.Context, change ...func(*Host, *wire.Request)) (wire.Event, []wire.Event, error) {
	var seen []wire.Event
	host, req := Host{Link: h, Dial: h.Dial}, request()
	for _, c := range change {
		c(&host, &req)
	}
	e, err := Run(ctx, host, req, func(e wire.Event) { seen = append(seen, e) })
	return e, seen, err
}

func beat(ctx context.Context, send func(wire.Event)) error {
	for ctx.Err() == nil {
		send(wire.Event{Kind: wire.Heartbeat})
		pause(ctx, time.Second)
	}
	return ctx.Err()
}

func isUnknown(t *testing.T, err error, says ...string) {
	t.Helper()
	var unknown *UnknownOutcomeError
	if !errors.As(err, &unknown) {
		t.Fatalf("error %v, want an unknown outcome", err)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("error %q does not say %q", err, s)
		}
	}
}

// A host that is alive and does not come to an end holds nobody for ever.
func TestRunEndsThoughTheHostOnlyBeats(t *testing.T) {
	for name, events := range map[string][]wire.Event{
		"from the beginning": nil,
		"while it activates": {{Seq: 1, Kind: wire.Started}, {Seq: 2, Kind: wire.Phase, Phase: wire.PhaseActivating}},
		"while it goes back": {{Seq: 1, Kind: wire.Started}, {Seq: 2, Kind: wire.Phase, Phase: wire.PhaseRollingBack}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &liar{answer: func(ctx context.Context, _ string, send func(wire.Event)) error {
					for _, e := range events {
						send(e)
					}
					return beat(ctx, send)
				}}
				began := time.Now()
				_, _, err := h.deploy(t.Context())
				isUnknown(t, err, "for longer than its limits allow")
				if took := time.Since(began); took > 15*time.Minute {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

// Phases that come again and again, or are no phases, give it no more time.
func TestRunEndsThoughTheHostRepeatsItsPhases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &liar{answer: func(ctx context.Context, ask string, send func(wire.Event)) error {
			if ask != "start" {
				return beat(ctx, send)
			}
			for seq := int64(1); ctx.Err() == nil; seq++ {
				phases := []string{wire.PhaseActivating, wire.PhaseWaiting, wire.PhaseCommitting, "thinking", wire.PhaseRollingBack}
				send(wire.Event{Seq: seq, Kind: wire.Phase, Phase: phases[seq%5]})
				pause(ctx, 20*time.Second)
			}
			return ctx.Err()
		}}
		began := time.Now()
		_, _, err := h.deploy(t.Context())
		isUnknown(t, err, "for longer than its limits allow")
		if took := time.Since(began); took > 20*time.Minute {
			t.Errorf("it took %s", took)
		}
	})
}

func TestRunInterruptedEndsThoughTheHostOnlyBeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		h := &liar{answer: func(ctx context.Context, _ string, send func(wire.Event)) error {
			cancel()
			return beat(ctx, send)
		}}
		began := time.Now()
		_, _, err := h.deploy(ctx)
		isUnknown(t, err)
		if took := time.Since(began); took > 15*time.Minute {
			t.Errorf("it took %s", took)
		}
	})
}

func TestRunGivenUpEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		giveUp := make(chan struct{})
		h := &liar{answer: func(ctx context.Context, ask string, send func(wire.Event)) error {
			if ask == "abort" {
				close(giveUp)
			}
			return beat(ctx, send)
		}}
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		_, _, err := h.deploy(ctx, func(h *Host, _ *wire.Request) { h.GiveUp = giveUp })
		isUnknown(t, err, "interrupted twice")
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// What the host says of its end has to fit what this side did, saw and wanted.
func TestRunBelievesNoEndThatItDidNotSee(t *testing.T) {
	finished := func(o wire.Outcome) wire.Event { return wire.Event{Seq: 3, Kind: wire.Finished, Outcome: o} }
	for name, c := range map[string]struct {
		goal wire.Goal
		end  wire.Event
		says string
	}{
		"deployed without a confirm": {wire.Switch, finished(wire.Deployed), "the host says deployed, but this deployer never confirmed"},
		"tested without a confirm":   {wire.Test, finished(wire.Tested), "never confirmed"},
		"tested instead of deployed": {wire.Switch, finished(wire.Tested), `outcome "tested" of goal switch`},
		"deployed instead of tested": {wire.Test, finished(wire.Deployed), `outcome "deployed" of goal test`},
		"deployed instead of set":    {wire.Boot, finished(wire.Deployed), `outcome "deployed" of goal boot`},
		"set instead of deployed":    {wire.Switch, finished(wire.BootSet), `outcome "boot set"`},
		"any name":                   {wire.Switch, finished("splendid"), `outcome "splendid"`},
		"no name":                    {wire.Switch, finished(""), `outcome ""`},
		"another deployment's":       {wire.Switch, wire.Event{Seq: 3, Kind: wire.Finished, Outcome: wire.RolledBack, ID: "OTHER"}, `deployment "OTHER"`},
		"another system's":           {wire.Switch, wire.Event{Seq: 3, Kind: wire.Finished, Outcome: wire.RolledBack, New: oldSystem}, "about the system"},
		"an old that is no system":   {wire.Switch, wire.Event{Seq: 3, Kind: wire.Finished, Outcome: wire.RolledBack, Old: "/etc"}, "not a store path"},
		"a number without room":      {wire.Switch, wire.Event{Seq: math.MaxInt64, Kind: wire.Output, Message: "x"}, "event number"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &liar{answer: func(_ context.Context, ask string, send func(wire.Event)) error {
					if ask == "start" {
						send(wire.Event{Seq: 1, Kind: wire.Started, Old: oldSystem, New: newSystem})
						send(wire.Event{Seq: 2, Kind: wire.Phase, Phase: wire.PhaseActivating})
					}
					send(c.end)
					return nil
				}}
				_, _, err := h.deploy(t.Context(), func(_ *Host, r *wire.Request) { r.Goal = c.goal })
				isUnknown(t, err, c.says)
				if h.dials > 100 {
					t.Errorf("dialled %d times", h.dials)
				}
			})
		})
	}
}

// A token whose answer got lost may be the one that was accepted; and a host that
// ran the system before has nothing to confirm.
func TestRunBelievesAnEndThatItsTokenMayHaveBrought(t *testing.T) {
	for name, old := range map[string]string{"answer lost": oldSystem, "nothing new": newSystem} {
		synctest.Test(t, func(t *testing.T) {
			presented := make(chan struct{})
			h := &liar{answer: func(ctx context.Context, ask string, send func(wire.Event)) error {
				switch ask {
				case "confirm":
					close(presented)
					<-ctx.Done()
					return ctx.Err()
				case "start":
					send(wire.Event{Seq: 1, Kind: wire.Started, Old: old, New: newSystem})
					if old == oldSystem {
						send(wire.Event{Seq: 2, Kind: wire.Phase, Phase: wire.PhaseWaiting, Seconds: 30})
						<-presented
					}
					send(wire.Event{Seq: 3, Kind: wire.Finished, Outcome: wire.Deployed, Old: old, New: newSystem})
				}
				return nil
			}}
			if e, _, err := h.deploy(t.Context()); err != nil || e.Outcome != wire.Deployed {
				t.Errorf("%s: %+v, %v", name, e, err)
			}
		})
	}
}

// A token that was refused proves nothing.
func TestRunDoesNotTakeARefusedTokenForAConfirm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := make(chan struct{})
		h := &liar{answer: func(ctx context.Context, ask string, send func(wire.Event)) error {
			switch ask {
			case "confirm":
				send(wire.Event{Kind: wire.Reply, Reply: wire.TooLate})
				select {
				case <-refused:
				default:
					close(refused)
				}
				return beat(ctx, send)
			case "start":
				send(wire.Event{Seq: 1, Kind: wire.Started, Old: oldSystem, New: newSystem})
				send(wire.Event{Seq: 2, Kind: wire.Phase, Phase: wire.PhaseWaiting, Seconds: 30})
				<-refused
				time.Sleep(time.Second)
				send(wire.Event{Seq: 3, Kind: wire.Finished, Outcome: wire.Deployed})
			}
			return nil
		}}
		_, _, err := h.deploy(t.Context())
		isUnknown(t, err, "never confirmed")
	})
}

func TestRunHandsOnABoundedPartOfWhatAHostPrints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lines = 20 << 10
		h := &liar{answer: func(_ context.Context, _ string, send func(wire.Event)) error {
			for seq := range int64(lines) {
				send(wire.Event{Seq: seq + 1, Kind: wire.Output, Message: strings.Repeat("x", 1000)})
			}
			send(wire.Event{Seq: lines + 1, Kind: wire.Finished, Outcome: wire.RolledBack})
			return nil
		}}
		_, seen, err := h.deploy(t.Context())
		var outcome *OutcomeError
		if !errors.As(err, &outcome) {
			t.Fatalf("error %v", err)
		}
		shown := len(slices.DeleteFunc(slices.Clone(seen), func(e wire.Event) bool { return e.Kind != wire.Output }))
		if shown < 1000 || shown > 5000 {
			t.Errorf("%d of %d lines were handed on", shown, lines)
		}
		if !slices.ContainsFunc(seen, func(e wire.Event) bool { return strings.Contains(e.Phase, "lines of what the host said are left out") }) {
			t.Error("nobody was told that lines are left out")
		}
	})
}

func TestRunEndsOnAFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		h := &liar{answer: func(ctx context.Context, _ string, send func(wire.Event)) error {
			for ctx.Err() == nil && sent < 1<<30 {
				send(wire.Event{Kind: wire.Heartbeat, Message: strings.Repeat("x", 60<<10)})
				sent += 60 << 10
			}
			return ctx.Err()
		}}
		_, _, err := h.deploy(t.Context())
		isUnknown(t, err, "the host sent more than")
		if sent > 200<<20 {
			t.Errorf("%d MB were taken", sent>>20)
		}
	})
}

// A host that could not go back reboots unless somebody gets in, over a connection
// that is fresh once more.
func TestRunGetsInToAStrandedHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		knocks := 0
		arrived := make(chan struct{})
		h := &liar{answer: func(ctx context.Context, ask string, send func(wire.Event)) error {
			switch ask {
			case "confirm":
				if knocks++; knocks == 1 {
					send(wire.Event{Kind: wire.Reply, Reply: wire.Accepted})
				} else {
					send(wire.Event{Kind: wire.Reply, Reply: wire.TooLate})
					close(arrived)
				}
				return beat(ctx, send)
			case "start":
				send(wire.Event{Seq: 1, Kind: wire.Started, Old: oldSystem, New: newSystem})
				send(wire.Event{Seq: 2, Kind: wire.Phase, Phase: wire.PhaseWaiting, Seconds: 30})
				time.Sleep(5 * time.Second)
				send(wire.Event{Seq: 3, Kind: wire.Phase, Phase: wire.PhaseCommitting})
				send(wire.Event{Seq: 4, Kind: wire.Phase, Phase: wire.PhaseStranded, Seconds: 30})
				select {
				case <-arrived:
					send(wire.Event{Seq: 5, Kind: wire.Finished, Outcome: wire.RollbackFailed})
				case <-time.After(30 * time.Second):
					send(wire.Event{Seq: 5, Kind: wire.Finished, Outcome: wire.RolledBack})
				}
			}
			return nil
		}}
		e, _, _ := h.deploy(t.Context())
		if e.Outcome != wire.RollbackFailed || knocks != 2 {
			t.Errorf("%+v after %d knocks", e, knocks)
		}
	})
}
