package agent

import (
	"testing"
	"testing/synctest"
	"time"

	"flakeops/activate/agent/lock"
	"flakeops/activate/wire"
)

// switchable is as long as nobody has the lock of switch-to-configuration.
func (w *world) switchable() error {
	if time.Now().Before(w.switchedUntil) {
		return &lock.SwitchingError{PID: 1, Program: "somebody"}
	}
	return nil
}

// Somebody's own switch-to-configuration is waited for on the way back, for longer
// than a few tries last, and is a refusal before anything was touched.
func TestSomebodyElseSwitches(t *testing.T) {
	for name, c := range map[string]struct {
		after, until time.Duration // when it runs
		kind         wire.Kind
		outcome      wire.Outcome
		current      string
	}{
		"before":       {0, time.Hour, wire.Refused, wire.RolledBack, "OLD"},
		"on its way":   {2 * time.Second, 40 * time.Second, wire.Finished, wire.RolledBack, "OLD"},
		"for too long": {2 * time.Second, 24 * time.Hour, wire.Finished, wire.RollbackFailed, "NEW"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				if c.after == 0 {
					w.switchedUntil = time.Now().Add(c.until)
				}
				m := newMachine(w, wire.Switch)
				m.pause = 2 * time.Second
				m.emit = func(e wire.Event) {
					if e.Phase == wire.PhaseWaiting {
						w.switchedUntil = time.Now().Add(time.Duration(m.req.ConfirmTimeout)*time.Second + c.until)
					}
				}
				e := m.run(t.Context())
				if e.Kind != c.kind || e.Outcome != c.outcome || w.current != c.current {
					t.Errorf("%s runs, and it ended with %+v", w.current, e)
				}
			})
		})
	}
}

// Status 11 without anybody who has the lock is a failure like others.
func TestExitStatusOfTheLockMeansSomethingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.exits["NEW boot"] = exitLock
		m := newMachine(w, wire.Switch)
		m.req.MagicRollback = false
		if e := m.run(t.Context()); e.Outcome != wire.RolledBack || w.current != "OLD" {
			t.Errorf("%s runs, and it ended with %+v", w.current, e)
		}
	})
}

// What boots tells how it ended, on a host that is going down.
func TestHostThatGoesDownHasNoEndYet(t *testing.T) {
	w := newWorld()
	w.exits["NEW test"], w.stopping = exitActivation, true
	m := newMachine(w, wire.Switch)
	if e := m.run(t.Context()); e.Kind != "" || w.current != "NEW" || w.profile != "OLD" || w.boot != "OLD" || m.st.Stage != stageRollingBack {
		t.Errorf("it ended with %+v; %s runs", e, w.current)
	}
}
