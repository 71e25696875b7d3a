package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"flakeops/activate/agent/bootloader"
	"flakeops/activate/agent/lock"
	"flakeops/activate/wire"
)

// activate makes the new system the running one, and judges by what changed
// whether it came up.
func (m *machine) activate(ctx context.Context) (f *failure, reboot bool) {
	m.st.Activated = true
	if f := m.enter(stageActivating, wire.PhaseActivating); f != nil {
		return f, false
	}
	r, err := m.switchTo(ctx, m.req.System, "test", false)
	if errors.As(err, new(*lock.SwitchingError)) {
		return &failure{refused: true, message: err.Error()}, false
	}
	if err != nil {
		// What the operator gave up, or somebody else ended, is rolled back
		// whatever autoRollback says.
		return &failure{activation: ctx.Err() == nil, message: err.Error()}, false
	}
	now, err := m.fx.running()
	if err != nil {
		return &failure{activation: true, message: "after activation: reading the running system: " + err.Error()}, false
	}
	switch {
	case now == m.st.Old.Running && (r.checkFailed || r.locked):
		m.st.Activated = false // it ended before it began
		return &failure{message: r.explain()}, false
	case now == m.req.System && (r.code == 0 || r.code == exitReboot):
		return nil, r.code == exitReboot
	case now == m.req.System:
		return m.judge(ctx, r), false
	case r.code == 0:
		// Where a check fails, that of an older NixOS ends with errno, even if
		// that is 0.
		return &failure{activation: true, message: "switch-to-configuration ended well, but the running system is " + now}, false
	case r.code == exitReboot:
		return &failure{activation: true, message: "the new system can only be reached by a reboot (exit status 100): deploy it with --boot, then reboot"}, false
	}
	return &failure{activation: true, message: r.explain()}, false
}

// judge decides about a system that runs, but not all of it. What had failed
// before is started again by switch-to-configuration, and fails again: that is no
// fault of the new system. Which rules of tmpfiles had failed before nobody can
// tell, and none of them keeps anybody out.
func (m *machine) judge(ctx context.Context, r *ran) *failure {
	all, fresh, err := m.failedUnits(ctx)
	failed := &failure{activation: true, message: r.explain()}
	switch {
	case len(fresh) > 0:
		failed.units, failed.message = fresh, "units failed: "+strings.Join(fresh, ", ")
		if r.scriptFailed {
			failed.message += "; so did the activation script: " + strings.Join(r.lines, " | ")
		}
		return failed
	case err != nil || r.scriptFailed || r.reloadFailed:
		return failed
	case r.code == exitTmpfiles:
		m.st.Warning, m.st.Units = r.explain(), all
		return nil
	case r.code == exitUnits && len(all) > 0:
		m.st.Warning, m.st.Units = "units failed, as they had before: "+strings.Join(all, ", "), all
		return nil
	}
	return failed
}

func (m *machine) await(ctx context.Context) *failure {
	if f := m.enterWait(); f != nil {
		return f
	}
	timer := time.NewTimer(time.Duration(m.req.ConfirmTimeout) * time.Second)
	defer timer.Stop()
	why := fmt.Sprintf("not confirmed within confirmTimeout (%d s): the deployer could not reach the host over a fresh connection", m.req.ConfirmTimeout)
	select {
	case <-m.gate.confirmed:
	case <-m.gate.aborted:
		why = errAborted.Error()
	case <-timer.C:
	case <-ctx.Done():
		why = context.Cause(ctx).Error()
	}
	if m.gate.shut() {
		return nil
	}
	return &failure{message: why}
}

// enterWait opens the gate before it says so, or a quick token would come early.
func (m *machine) enterWait() *failure {
	m.st.Stage = stageWaiting
	if err := m.fx.save(m.st); err != nil {
		return &failure{message: "saving the deployment's state: " + err.Error()}
	}
	m.gate.open()
	m.emit(wire.Event{Kind: wire.Phase, Phase: wire.PhaseWaiting, Seconds: m.req.ConfirmTimeout})
	return nil
}

// commit is for what runs: somebody at the console may have gone back by hand, and
// so have let in the deployer that confirms. What would boot is looked at in the
// end: installing a boot loader can do nothing and say that it went well.
func (m *machine) commit(ctx context.Context) *failure {
	if now, err := m.fx.running(); m.req.Goal != wire.Boot && err == nil && now != m.req.System {
		return &failure{message: "somebody else activated " + now + " meanwhile"}
	}
	m.st.ProfileTouched = true
	if f := m.enter(stageCommitting, wire.PhaseCommitting); f != nil {
		return f
	}
	pctx, cancel := context.WithTimeout(ctx, m.limit())
	err := m.fx.setProfile(pctx, m.req.System)
	cancel()
	if err != nil {
		return &failure{message: "setting the profile: " + err.Error()}
	}
	r, err := m.switchTo(ctx, m.req.System, "boot", false)
	switch {
	case err != nil:
		return &failure{message: "making it the boot default: " + err.Error()}
	case r.code != 0:
		return &failure{message: join("making it the boot default: "+r.explain(), m.fx.bootTrouble())}
	}
	if boots := m.fx.boots(); bootloader.Known(boots) && boots != m.req.System {
		return &failure{message: join("making it the boot default: switch-to-configuration ended well, but "+boots+
			" would still boot: look at the boot loader's settings, such as configurationLimit", m.fx.bootTrouble())}
	}
	return nil
}
