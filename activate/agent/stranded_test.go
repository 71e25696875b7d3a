package agent

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"flakeops/activate/wire"
)

// A host that could not go back waits for anybody to get in, and reboots into the
// old system where nobody does, and where it is sure that this is what boots.
func TestMachineThatIsStranded(t *testing.T) {
	for name, c := range map[string]struct {
		world   func(*world)
		request func(*wire.Request)
		machine func(*machine)
		meets   func(*machine) // one second into the wait
		outcome wire.Outcome
		says    string
		reboots int
		lasts   time.Duration
	}{
		"nobody gets in":                          {outcome: wire.RolledBack, says: "nobody got in within confirmTimeout (30 s) after that either, so the host reboots into OLD", reboots: 1, lasts: 60 * time.Second},
		"somebody confirms":                       {meets: func(m *machine) { m.gate.present(token) }, outcome: wire.RollbackFailed, says: "does not reboot, because somebody got in", lasts: 31 * time.Second},
		"somebody looks on":                       {meets: func(m *machine) { m.gate.arrive() }, outcome: wire.RollbackFailed, says: "somebody got in", lasts: 31 * time.Second},
		"somebody guesses":                        {meets: func(m *machine) { m.gate.present("no") }, outcome: wire.RolledBack, reboots: 1},
		"somebody gives up":                       {meets: func(m *machine) { m.gate.abort() }, outcome: wire.RolledBack, reboots: 1},
		"it is not wanted":                        {request: func(r *wire.Request) { r.RebootWhenStranded = false }, outcome: wire.RollbackFailed, lasts: 30 * time.Second},
		"nobody would confirm":                    {request: func(r *wire.Request) { r.MagicRollback = false }, world: func(w *world) { w.exits["NEW test"] = 2 }, outcome: wire.RollbackFailed},
		"somebody waits for it":                   {machine: func(m *machine) { m.attended = true }, outcome: wire.RollbackFailed, lasts: 30 * time.Second},
		"another system boots":                    {world: func(w *world) { w.boot = "OTHER" }, outcome: wire.RollbackFailed, lasts: 30 * time.Second},
		"what boots is not known":                 {world: func(w *world) { w.blind = true }, outcome: wire.RolledBack, reboots: 1},
		"the same, and the profile is of another": {world: func(w *world) { w.blind, w.profile = true, "OTHER" }, outcome: wire.RollbackFailed, lasts: 30 * time.Second},
		"another system boots by then":            {world: func(w *world) { w.bootsNext, w.bootsNextAt = "NEW", time.Now().Add(31*time.Second) }, outcome: wire.RollbackFailed, lasts: 60 * time.Second},
		"it does not reboot":                      {world: func(w *world) { w.rebootErr = errors.New("no bus") }, outcome: wire.RollbackFailed, says: "no bus", reboots: 1},
		"somebody else activates something":       {world: func(w *world) { w.byHand = "OTHER"; w.byHandAt = time.Now().Add(29 * time.Second) }, outcome: wire.RollbackFailed, lasts: 30 * time.Second},
		"after the commit has failed": {world: func(w *world) { w.exits["NEW boot"] = 1 }, machine: func(m *machine) {
			emit := m.emit
			m.emit = func(e wire.Event) {
				emit(e)
				if e.Phase == wire.PhaseWaiting {
					m.gate.present(token)
				}
			}
		}, outcome: wire.RolledBack, reboots: 1, lasts: 30 * time.Second},
		"and the profile cannot be put back": {world: func(w *world) { w.exits["NEW boot"], w.restoreErr = 1, errors.New("full") }, machine: func(m *machine) {
			m.emit = func(e wire.Event) {
				if e.Phase == wire.PhaseWaiting {
					m.gate.present(token)
				}
			}
		}, outcome: wire.RollbackFailed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.refuses["OLD test"], w.exits["OLD test"] = true, 1
				if c.world != nil {
					c.world(w)
				}
				m := newMachine(w, wire.Switch)
				m.req.RebootWhenStranded = true
				if c.request != nil {
					c.request(&m.req)
				}
				m.emit = func(e wire.Event) {
					if e.Phase == wire.PhaseStranded && c.meets != nil {
						go func() { time.Sleep(time.Second); c.meets(m) }()
					}
				}
				if c.machine != nil {
					c.machine(m)
				}
				began := time.Now()
				e := m.run(t.Context())
				took := time.Since(began)
				if e.Outcome != c.outcome || !strings.Contains(e.Message, c.says) || w.reboots != c.reboots {
					t.Errorf("%q after %d reboots: %s", e.Outcome, w.reboots, e.Message)
				}
				if c.lasts > 0 && took != c.lasts {
					t.Errorf("took %s, want %s", took, c.lasts)
				}
			})
		})
	}
}

// Whoever takes it up after a death tries to go back once more, and waits once more.
func TestMachineThatIsStrandedResumes(t *testing.T) {
	for _, heals := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.current = "NEW"
			if !heals {
				w.refuses["OLD test"], w.exits["OLD test"] = true, 1
			}
			m := newMachine(w, wire.Switch)
			m.req.RebootWhenStranded = true
			m.st = state{Stage: stageStranded, Activated: true, Cause: "not confirmed", Old: before{Running: "OLD", Profile: "OLD", Boots: "OLD"}}
			if e := m.resume(t.Context()); e.Outcome != wire.RolledBack || w.current != "OLD" || (w.reboots > 0) == heals {
				t.Errorf("%+v after %d reboots", e, w.reboots)
			}
		})
	}
}
