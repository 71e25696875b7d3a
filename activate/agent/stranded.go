package agent

import (
	"context"
	"fmt"
	"time"

	"flakeops/activate/agent/bootloader"
	"flakeops/activate/wire"
)

// strand is the last resort, when the old system could not be activated again.
// It is still what boots. So the host waits once more for confirmTimeout: who gets
// in is told, and decides; where nobody does, it reboots into the old system.
func (m *machine) strand(ctx context.Context, f failure, problem string) wire.Event {
	failed := wire.Event{Outcome: wire.RollbackFailed, Message: problem, Units: f.units}
	m.st.Stage = stageStranded
	// As on the way back, what cannot be saved must not keep it from the rest.
	_ = m.fx.save(m.st)
	m.gate.strand()
	m.emit(wire.Event{Kind: wire.Phase, Phase: wire.PhaseStranded, Seconds: m.req.ConfirmTimeout,
		Message: fmt.Sprintf("%s; the host reboots into %s unless somebody gets in within %d s", problem, m.st.Old.Running, m.req.ConfirmTimeout)})
	timer := time.NewTimer(time.Duration(m.req.ConfirmTimeout) * time.Second)
	defer timer.Stop()
	select {
	case <-m.gate.arrived:
	case <-timer.C:
	}
	if m.gate.shut(); m.gate.hasArrived() {
		failed.Message += "; the host does not reboot, because somebody got in"
		return m.finish(failed)
	}
	if !m.mayReboot() {
		return m.finish(failed)
	}
	m.st.Cause = problem + fmt.Sprintf("; nobody got in within confirmTimeout (%d s) after that either, so the host reboots into %s", m.req.ConfirmTimeout, m.st.Old.Running)
	_ = m.fx.save(m.st)
	if err := m.fx.reboot(ctx, m.st.Cause); err != nil {
		failed.Message = m.st.Cause + ": " + err.Error()
		return m.finish(failed)
	}
	return m.finish(wire.Event{Outcome: wire.RolledBack, Message: m.st.Cause, Units: f.units})
}

// mayReboot says whether a reboot would bring back the old system, as far as can
// be known, and is wanted.
func (m *machine) mayReboot() bool {
	if !m.req.RebootWhenStranded || !m.req.MagicRollback || m.attended {
		return false
	}
	profile, err := m.fx.profileSystem()
	if err != nil || profile != m.st.Old.Profile {
		return false
	}
	if boots := m.fx.boots(); bootloader.Known(boots) {
		return boots == m.st.Old.Running
	}
	return profile == m.st.Old.Running
}
