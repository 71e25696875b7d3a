package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"flakeops/activate/agent/bootloader"
	"flakeops/activate/wire"
)

// errOthers keeps the host from being brought back any further.
var errOthers = errors.New("somebody else activated another system meanwhile")

// undo brings back what was touched, in the order that keeps a power cut safe:
// what boots first, what runs last. The old system is not asked whether it may:
// what its checks look at may be just what the new one broke. How it went is
// judged by what the host is like then, not by which step failed. On a host that is
// going down there is no end yet, and the event is zero.
func (m *machine) undo(ctx context.Context, f failure) wire.Event {
	ctx = context.WithoutCancel(ctx)
	m.gate.shut()
	if f.activation && !m.req.AutoRollback {
		return m.finish(wire.Event{Outcome: wire.LeftBroken, Message: f.message, Units: f.units})
	}
	m.st.Cause, m.st.Units = f.message, f.units
	// A state that cannot be saved must not keep the host from going back.
	_ = m.enter(stageRollingBack, wire.PhaseRollingBack)
	var boots, runs error
	if m.st.ProfileTouched {
		boots = errors.Join(m.undoProfile(ctx), m.undoBoots(ctx))
	}
	if m.st.Activated && m.fx.shuttingDown(ctx) {
		return wire.Event{} // what boots will tell
	}
	if m.st.Activated {
		runs = m.undoRunning(ctx)
	}
	e := wire.Event{Outcome: wire.RolledBack, Message: m.st.Cause, Units: f.units}
	if err := errors.Join(boots, runs); err != nil {
		e.Outcome = wire.RollbackFailed
		e.Message += "; rolling back: " + strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	if boots == nil && runs != nil && !errors.Is(runs, errOthers) && m.mayReboot() {
		return m.strand(ctx, f, e.Message)
	}
	return m.finish(e)
}

func (m *machine) undoProfile(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, m.limit())
	defer cancel()
	err := m.fx.restoreProfile(ctx, m.st.Old)
	if now, errNow := m.fx.profileSystem(); err != nil && errNow == nil && now == m.st.Old.Profile {
		return nil
	}
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	return nil
}

// undoBoots makes the old system boot, whatever became of the profile. A boot
// loader that cannot be written has not been written on the way forward either:
// where what would boot is as it was, nothing is amiss.
func (m *machine) undoBoots(ctx context.Context) error {
	system := m.st.Old.Profile
	if system == "" {
		system = m.st.Old.Running
	}
	return m.retry(ctx, func() error {
		r, err := m.switchTo(ctx, system, "boot", true)
		boots := m.fx.boots()
		switch {
		case boots == m.st.Old.Boots && boots != bootloader.Unknown, boots == system:
			return nil
		case boots == bootloader.Unknown && m.st.Old.BootFiles != "" && m.fx.bootFiles() == m.st.Old.BootFiles:
			return nil
		case err != nil:
			return fmt.Errorf("boot default: %w", err)
		case r.code != 0:
			return errors.New(join("boot default: "+r.explain(), m.fx.bootTrouble()))
		case bootloader.Known(boots):
			// Its generation may be too old for an entry: make it the newest.
			return errors.Join(fmt.Errorf("boot default: it is %s", boots), m.fx.setProfile(ctx, system))
		}
		return nil
	})
}

func (m *machine) undoRunning(ctx context.Context) error {
	if now, err := m.fx.running(); err == nil && now != m.req.System && now != m.st.Old.Running {
		return fmt.Errorf("%w: %s, and it is left as it is", errOthers, now)
	}
	return m.retry(ctx, func() error {
		r, err := m.switchTo(ctx, m.st.Old.Running, "test", true)
		if err != nil {
			return err
		}
		now, err := m.fx.running()
		if err != nil {
			return err
		}
		if now != m.st.Old.Running {
			return fmt.Errorf("%s, and the running system is %s", r.explain(), now)
		}
		_, fresh, err := m.failedUnits(ctx)
		switch {
		case r.code == 0, r.code == exitReboot:
			return nil
		case err == nil && (r.code == exitUnits || r.code == exitTmpfiles) && !r.scriptFailed && !r.reloadFailed:
			// The system is back. What was broken before is still, and what else
			// is has to be said.
			if len(fresh) > 0 {
				m.st.Cause += "; the old system is back, but units failed that had not before: " + strings.Join(fresh, ", ")
			}
			return nil
		}
		return errors.New(r.explain())
	})
}
