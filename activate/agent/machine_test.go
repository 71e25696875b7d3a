package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"flakeops/activate/wire"
)

const token = "the token"

// scenario is one deployment of NEW onto a host that runs OLD, with what
// happens meanwhile.
type scenario struct {
	name    string
	goal    wire.Goal
	world   func(*world)
	request func(*wire.Request)
	confirm time.Duration // after the wait began; 0 means never
	abort   time.Duration // after the start; 0 means never
	again   bool
	byHand  string // system that somebody else activates one second into the wait

	outcome wire.Outcome
	message string    // part of it
	after   [3]string // running, profile, boot default
	units   []string
	lasts   time.Duration
	reboot  bool
}

func TestMachine(t *testing.T) {
	old, fresh := [3]string{"OLD", "OLD", "OLD"}, [3]string{"NEW", "NEW", "NEW"}
	for _, s := range []scenario{
		{name: "confirmed", confirm: time.Second, outcome: wire.Deployed, after: fresh, lasts: time.Second},
		{name: "confirmed at the last moment", confirm: 30*time.Second - 1, outcome: wire.Deployed, after: fresh},
		{name: "confirmed too late", confirm: 30*time.Second + 1, outcome: wire.RolledBack, message: "not confirmed within confirmTimeout (30 s)", after: old, lasts: 30 * time.Second},
		{name: "never confirmed", outcome: wire.RolledBack, message: "fresh connection", after: old, lasts: 30 * time.Second},
		{name: "without magic rollback", request: func(r *wire.Request) { r.MagicRollback = false }, outcome: wire.Deployed, after: fresh},
		{name: "test", goal: wire.Test, confirm: time.Second, outcome: wire.Tested, after: [3]string{"NEW", "OLD", "OLD"}},
		{name: "test is never confirmed", goal: wire.Test, outcome: wire.RolledBack, message: "not confirmed", after: old},
		{name: "boot", goal: wire.Boot, outcome: wire.BootSet, after: [3]string{"OLD", "NEW", "NEW"}},
		{name: "switch after test only commits", world: func(w *world) { w.current = "NEW" }, outcome: wire.Deployed, after: fresh},
		{name: "a system left broken is activated again", again: true, world: func(w *world) { w.current = "NEW" }, confirm: time.Second, outcome: wire.Deployed, after: fresh, lasts: time.Second},
		{name: "activation script fails", world: func(w *world) { w.exits["NEW test"] = 2 }, outcome: wire.RolledBack, message: "activation script failed", after: old},
		{name: "activation fails, autoRollback off", world: func(w *world) { w.exits["NEW test"] = 2 }, request: func(r *wire.Request) { r.AutoRollback = false }, outcome: wire.LeftBroken, after: [3]string{"NEW", "OLD", "OLD"}},
		{name: "unconfirmed rolls back even with autoRollback off", request: func(r *wire.Request) { r.AutoRollback = false }, outcome: wire.RolledBack, message: "not confirmed", after: old},
		{name: "abort rolls back even with autoRollback off", world: func(w *world) { w.hangs["NEW test"] = true }, request: func(r *wire.Request) { r.AutoRollback = false }, abort: time.Second, outcome: wire.RolledBack, message: "aborted", after: old},
		{name: "units fail", world: func(w *world) {
			w.failed = []string{"old.service"}
			w.exits["NEW test"] = 4
			w.breaks["NEW test"] = []string{"web.service"}
		}, outcome: wire.RolledBack, message: "units failed: web.service", units: []string{"web.service"}, after: old},
		{name: "activation hangs", world: func(w *world) { w.hangs["NEW test"] = true }, outcome: wire.RolledBack, message: "longer than activationTimeout (300 s)", after: old, lasts: 300 * time.Second},
		{name: "abort during activation", world: func(w *world) { w.hangs["NEW test"] = true }, abort: 5 * time.Second, outcome: wire.RolledBack, message: "aborted by the operator", after: old, lasts: 5 * time.Second},
		{name: "abort while waiting", abort: 5 * time.Second, outcome: wire.RolledBack, message: "aborted by the operator", after: old, lasts: 5 * time.Second},
		{name: "boot loader fails", confirm: time.Second, world: func(w *world) { w.exits["NEW boot"] = 1 }, outcome: wire.RolledBack, message: "boot default", after: old},
		{name: "boot loader fails with goal boot", goal: wire.Boot, world: func(w *world) { w.exits["NEW boot"] = 1 }, outcome: wire.RolledBack, message: "boot default", after: old},
		{name: "profile cannot be set", confirm: time.Second, world: func(w *world) { w.setErr = errors.New("no space left") }, outcome: wire.RolledBack, message: "setting the profile: no space left", after: old},
		{name: "the profile cannot be put back, but the boot loader's default can", confirm: time.Second, world: func(w *world) {
			w.exits["NEW boot"] = 100
			w.hangs["NEW boot"] = true
			w.restoreErr = errors.New("no space left")
			w.boot = "HALF"
		}, outcome: wire.RollbackFailed, message: "profile: no space left", after: [3]string{"OLD", "NEW", "OLD"}},
		{name: "state cannot be saved", world: func(w *world) { w.saveErr = errors.New("no space left") }, outcome: wire.RolledBack, message: "saving the deployment's state", after: old},
		{name: "only a reboot helps", world: func(w *world) { w.exits["NEW test"] = 100; w.refuses["NEW test"] = true }, outcome: wire.RolledBack, message: "--boot", after: old},
		{name: "activated, and wants a reboot", confirm: time.Second, world: func(w *world) { w.exits["NEW test"] = 100 }, outcome: wire.Deployed, reboot: true, after: fresh},
		{name: "pre-switch checks fail", world: func(w *world) { w.checks["NEW"] = true }, outcome: wire.RolledBack, message: "a pre-switch check failed", after: old},
		{name: "pre-switch checks fail with goal boot", goal: wire.Boot, world: func(w *world) { w.checks["NEW"] = true }, outcome: wire.RolledBack, message: "a pre-switch check failed", after: old},
		{name: "the old system's pre-switch checks fail now", world: func(w *world) { w.checks["OLD"] = true }, outcome: wire.RolledBack, message: "not confirmed", after: old},
		{name: "the old system's pre-switch checks fail after the boot loader", confirm: time.Second, world: func(w *world) { w.checks["OLD"] = true; w.exits["NEW boot"] = 1; w.boot = "NEW" }, outcome: wire.RolledBack, message: "boot default", after: old},
		{name: "activation says it is done and did nothing", world: func(w *world) { w.refuses["NEW test"] = true }, outcome: wire.RolledBack, message: "the running system is OLD", after: old},
		{name: "rollback fails too", world: func(w *world) { w.exits["NEW test"] = 2; w.refuses["OLD test"] = true; w.exits["OLD test"] = 2 }, outcome: wire.RollbackFailed, message: "activation script failed", after: [3]string{"NEW", "OLD", "OLD"}},
		{name: "rollback breaks another unit", world: func(w *world) {
			w.exits["NEW test"], w.exits["OLD test"] = 2, 4
			w.breaks["OLD test"] = []string{"db.service"}
		}, outcome: wire.RolledBack, message: "units failed that had not before: db.service", after: old},
		{name: "gone back by hand, which lets the deployer in", byHand: "OLD", confirm: 5 * time.Second, outcome: wire.RolledBack, message: "somebody else activated OLD", after: old},
		{name: "replaced by hand, and confirmed", byHand: "OTHER", confirm: 5 * time.Second, outcome: wire.RollbackFailed, message: "somebody else activated OTHER", after: [3]string{"OTHER", "OLD", "OLD"}},
		{name: "replaced by hand, and not confirmed", byHand: "OTHER", outcome: wire.RollbackFailed, message: "left as it is", after: [3]string{"OTHER", "OLD", "OLD"}},
	} {
		t.Run(s.name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { s.play(t) }) })
	}
}

func (s scenario) play(t *testing.T) {
	w := newWorld()
	if s.world != nil {
		s.world(w)
	}
	m := newMachine(w, s.goal)
	m.again = s.again
	if s.request != nil {
		s.request(&m.req)
	}
	var late sync.WaitGroup
	defer late.Wait()
	emit := m.emit
	m.emit = func(e wire.Event) {
		emit(e)
		if e.Phase == wire.PhaseWaiting && s.byHand != "" {
			w.byHand, w.byHandAt = s.byHand, time.Now().Add(time.Second)
		}
		if e.Phase == wire.PhaseWaiting && s.confirm > 0 {
			late.Go(func() { time.Sleep(s.confirm); m.gate.present(token) })
		}
	}
	if s.abort > 0 {
		late.Go(func() { time.Sleep(s.abort); m.gate.abort() })
	}
	began := time.Now()
	e := m.run(t.Context())
	if e.Kind != wire.Finished || e.Outcome != s.outcome {
		t.Errorf("outcome %q (%s), want %q", e.Outcome, e.Message, s.outcome)
	}
	if !strings.Contains(e.Message, s.message) {
		t.Errorf("message %q does not say %q", e.Message, s.message)
	}
	if got := [3]string{w.current, w.profile, w.boot}; got != s.after {
		t.Errorf("running, profile, boot default: %v, want %v; calls %q", got, s.after, w.calls)
	}
	if !slices.Equal(e.Units, s.units) {
		t.Errorf("units %v, want %v", e.Units, s.units)
	}
	if took := time.Since(began); s.lasts > 0 && took != s.lasts {
		t.Errorf("took %s, want %s", took, s.lasts)
	}
	if e.Reboot != s.reboot {
		t.Errorf("reboot %v, want %v", e.Reboot, s.reboot)
	}
}

func newMachine(w *world, goal wire.Goal) *machine {
	if goal == "" {
		goal = wire.Switch
	}
	return &machine{
		req: wire.Request{ID: "ID", Goal: goal, System: "NEW", MagicRollback: true, AutoRollback: true,
			ActivationTimeout: 300, ConfirmTimeout: 30, TokenHash: hashOf(token)},
		st:   state{Stage: stageStarted, Old: before{Running: w.current, Profile: w.profile, Boots: w.boots(), BootFiles: w.bootFiles(), Failed: slices.Clone(w.failed)}},
		fx:   w,
		gate: newGate(hashOf(token)),
		emit: func(wire.Event) {},
	}
}

// An agent that is told to end has not seen the new system fail.
func TestMachineThatIsEndedRollsBack(t *testing.T) {
	w := newWorld()
	w.hangs["NEW test"] = true
	m := newMachine(w, wire.Switch)
	m.req.AutoRollback = false
	ctx, end := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, end)
	if e := m.run(ctx); e.Outcome != wire.RolledBack || w.current != "OLD" {
		t.Errorf("%+v; %s runs", e, w.current)
	}
}

// What was told to somebody who gave up is what happens, also where there is
// nothing to wait for.
func TestMachineKeepsItsWordToWhoAborts(t *testing.T) {
	for _, goal := range []wire.Goal{wire.Boot, wire.Switch, wire.Test} {
		w := newWorld()
		if goal != wire.Boot {
			w.current = "NEW" // only to be committed
		}
		before := *w
		m := newMachine(w, goal)
		if got := m.gate.abort(); got != wire.Accepted {
			t.Fatal(got)
		}
		if e := m.run(t.Context()); e.Outcome != wire.RolledBack || w.current != before.current || w.profile != "OLD" || w.boot != "OLD" {
			t.Errorf("%s: %+v; calls %q", goal, e, w.calls)
		}
	}
	w := newWorld()
	m := newMachine(w, wire.Boot)
	reply := ""
	m.emit = func(e wire.Event) {
		if e.Phase == wire.PhaseCommitting {
			reply = m.gate.abort()
		}
	}
	if e := m.run(t.Context()); e.Outcome != wire.BootSet || reply != wire.TooLate {
		t.Errorf("%+v although the operator was told %q", e, reply)
	}
}

// A process may die after any stage is on record, with the step it names done
// or not. Resuming must end in the old system or, once confirmed, in the new.
func TestMachineResume(t *testing.T) {
	for _, c := range []struct {
		st      state
		found   [3]string
		goal    wire.Goal
		exits   map[string]int
		outcome wire.Outcome
		after   [3]string
	}{
		{st: state{Stage: stageStarted}, found: [3]string{"OLD", "OLD", "OLD"}, outcome: wire.RolledBack, after: [3]string{"OLD", "OLD", "OLD"}},
		{st: state{Stage: stageActivating, Activated: true}, found: [3]string{"OLD", "OLD", "OLD"}, outcome: wire.RolledBack, after: [3]string{"OLD", "OLD", "OLD"}},
		{st: state{Stage: stageActivating, Activated: true}, found: [3]string{"NEW", "OLD", "OLD"}, outcome: wire.RolledBack, after: [3]string{"OLD", "OLD", "OLD"}},
		{st: state{Stage: stageWaiting, Activated: true}, found: [3]string{"NEW", "OLD", "OLD"}, outcome: wire.RolledBack, after: [3]string{"OLD", "OLD", "OLD"}},
		{st: state{Stage: stageCommitting, Activated: true, ProfileTouched: true}, found: [3]string{"NEW", "OLD", "OLD"}, outcome: wire.Deployed, after: [3]string{"NEW", "NEW", "NEW"}},
		{st: state{Stage: stageCommitting, Activated: true, ProfileTouched: true}, found: [3]string{"NEW", "NEW", "OLD"}, outcome: wire.Deployed, after: [3]string{"NEW", "NEW", "NEW"}},
		{st: state{Stage: stageCommitting, Activated: true, ProfileTouched: true}, found: [3]string{"NEW", "NEW", "OLD"}, exits: map[string]int{"NEW boot": 1}, outcome: wire.RolledBack, after: [3]string{"OLD", "OLD", "OLD"}},
		{st: state{Stage: stageCommitting, ProfileTouched: true}, found: [3]string{"OLD", "NEW", "OLD"}, goal: wire.Boot, outcome: wire.BootSet, after: [3]string{"OLD", "NEW", "NEW"}},
		{st: state{Stage: stageRollingBack, Activated: true, Cause: "units failed"}, found: [3]string{"NEW", "OLD", "OLD"}, outcome: wire.RolledBack, after: [3]string{"OLD", "OLD", "OLD"}},
		{st: state{Stage: stageRollingBack, Activated: true, ProfileTouched: true}, found: [3]string{"NEW", "NEW", "NEW"}, outcome: wire.RolledBack, after: [3]string{"OLD", "OLD", "OLD"}},
	} {
		t.Run(fmt.Sprintf("%s %v", c.st.Stage, c.found), func(t *testing.T) {
			w := newWorld()
			w.current, w.profile, w.boot = c.found[0], c.found[1], c.found[2]
			for k, v := range c.exits {
				w.exits[k] = v
			}
			m := newMachine(w, c.goal)
			m.st = c.st
			m.st.Old = before{Running: "OLD", Profile: "OLD", Boots: "OLD"}
			e := m.resume(t.Context())
			if e.Outcome != c.outcome {
				t.Errorf("outcome %q (%s), want %q", e.Outcome, e.Message, c.outcome)
			}
			if got := [3]string{w.current, w.profile, w.boot}; got != c.after {
				t.Errorf("running, profile, boot default: %v, want %v", got, c.after)
			}
			if c.st.Cause != "" && e.Message != c.st.Cause {
				t.Errorf("the first cause is lost: %q", e.Message)
			}
			if got := m.gate.present(token); got != wire.TooLate {
				t.Errorf("a resumed deployment answers a token with %q", got)
			}
		})
	}
}

// However slow a host is, systemd gives its recovery the time to come to its end.
func TestMachineRecoversWithinTheUnitsLimits(t *testing.T) {
	for _, seconds := range []int{1, 300} {
		for name, hangs := range map[string][]string{
			"profile": {"profile", "OLD boot", "OLD test"}, "boot loader": {"NEW boot", "OLD boot", "OLD test"},
		} {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.current = "NEW"
				for _, h := range hangs {
					w.hangs[h] = true
				}
				m := newMachine(w, wire.Switch)
				m.req.ActivationTimeout, m.req.ConfirmTimeout, m.req.RebootWhenStranded = seconds, 600, true
				m.st = state{Stage: stageCommitting, Activated: true, ProfileTouched: true, Old: before{Running: "OLD", Profile: "OLD"}}
				began := time.Now()
				if e := m.resume(t.Context()); !strings.Contains(e.Message, "rolling back") {
					t.Errorf("%s: %+v", name, e)
				}
				argv := unitArgv(m.req)
				limit := ""
				for _, a := range argv {
					if s, ok := strings.CutPrefix(a, "--property=TimeoutStopSec="); ok {
						limit = s
					}
				}
				given, err := time.ParseDuration(limit)
				if took := time.Since(began) + slack; err != nil || took > given { // the lock may have to be waited for
					t.Errorf("%s: %s, and the unit gives it %s, %v", name, took, given, err)
				}
			})
		}
	}
}

// Every stage must be on record before its step is taken.
func TestMachineRecordsStagesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		m := newMachine(w, wire.Switch)
		m.emit = func(e wire.Event) {
			if e.Phase == wire.PhaseWaiting {
				go m.gate.present(token)
			}
		}
		m.run(t.Context())
		want := []stage{stageActivating, stageWaiting, stageCommitting}
		if !slices.Equal(w.stages, want) {
			t.Errorf("stages %v, want %v", w.stages, want)
		}
	})
}
