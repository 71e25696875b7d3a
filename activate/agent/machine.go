package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"flakeops/activate/wire"
)

// stage is how far a deployment has come. It is saved before the step it names,
// so that another process can resume from it.
type stage string

const (
	stageStarted     stage = "started"
	stageActivating  stage = "activating"
	stageWaiting     stage = "waiting"
	stageCommitting  stage = "committing"
	stageRollingBack stage = "rolling back"
	stageFinished    stage = "finished"
)

// before is what the host was like when the lock was taken: what a rollback
// goes back to.
type before struct {
	Running     string   `json:"running"`     // system
	Profile     string   `json:"profile"`     // system of the profile; empty without one
	ProfileLink string   `json:"profileLink"` // generation link's name, system-7-link
	Failed      []string `json:"failed"`      // units that had failed already
}

// state is what is saved of a running deployment.
type state struct {
	Stage          stage       `json:"stage"`
	Cause          string      `json:"cause,omitempty"`          // why it is rolling back
	Activated      bool        `json:"activated,omitempty"`      // the running system was touched
	ProfileTouched bool        `json:"profileTouched,omitempty"` // so were profile and boot loader
	Units          []string    `json:"units,omitempty"`
	Old            before      `json:"old"`
	Final          *wire.Event `json:"final,omitempty"` // set once it is finished
}

// effects is what the state machine does to the host. Errors are for what could
// not be done at all; an exit status is a result.
type effects interface {
	// activate runs SYSTEM/bin/switch-to-configuration ACTION and hands on its
	// output by lines. With force the system's own pre-switch checks are left
	// out.
	activate(ctx context.Context, system, action string, force bool, line func(string)) (code int, err error)
	// setProfile makes system the profile's newest generation.
	setProfile(ctx context.Context, system string) error
	// restoreProfile makes the profile what it was.
	restoreProfile(ctx context.Context, old before) error
	running() (string, error)
	failedUnits(ctx context.Context) ([]string, error)
	// shuttingDown says whether the host is on its way down, where activating
	// an old system would only fight the shutdown.
	shuttingDown(ctx context.Context) bool
	save(state) error
}

// machine carries one deployment through its stages.
type machine struct {
	req   wire.Request
	st    state
	fx    effects
	gate  *gate
	emit  func(wire.Event)
	again bool // activate although the system seems to run: it did not come up well
	pause time.Duration
}

// failure is why a deployment does not go on.
type failure struct {
	message string
	units   []string
	// activation is set when the new system itself failed, which autoRollback
	// decides about; everything else always rolls back.
	activation bool
}

// run takes the deployment from its beginning to its last event.
func (m *machine) run(ctx context.Context) wire.Event {
	reboot := false
	if m.req.Goal != wire.Boot && (m.st.Old.Running != m.req.System || m.again) {
		actx, stop := m.abortable(ctx)
		f, needsReboot := m.activate(actx)
		stop()
		if f == nil && m.req.MagicRollback {
			f = m.await(ctx)
		}
		if f != nil {
			return m.undo(ctx, *f)
		}
		reboot = needsReboot
	}
	if m.gate.shut(); m.gate.isAborted() {
		return m.undo(ctx, failure{message: errAborted.Error()})
	}
	if m.req.Goal == wire.Test {
		return m.finish(wire.Event{Outcome: wire.Tested, Reboot: reboot})
	}
	e := m.commit(ctx)
	e.Reboot = e.Reboot || reboot
	return e
}

// resume takes up a deployment whose process died.
func (m *machine) resume(ctx context.Context) wire.Event {
	m.gate.shut()
	switch m.st.Stage {
	case stageCommitting:
		return m.commit(ctx)
	case stageRollingBack:
		return m.undo(ctx, failure{message: m.st.Cause, units: m.st.Units})
	default:
		return m.undo(ctx, failure{message: "the agent on the host ended while " + string(m.st.Stage)})
	}
}

// abortable is ctx, ended early when the operator gives up.
func (m *machine) abortable(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-m.gate.aborted:
			cancel(errAborted)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

func (m *machine) activate(ctx context.Context) (f *failure, reboot bool) {
	m.st.Activated = true
	if f := m.enter(stageActivating, wire.PhaseActivating); f != nil {
		return f, false
	}
	code, err := m.switchTo(ctx, m.req.System, "test", false)
	switch {
	case err == nil && code == 0:
		// Where a check fails, that of an older NixOS ends with errno, even if
		// that is 0.
		now, err := m.fx.running()
		if err != nil {
			return &failure{activation: true, message: "after activation: reading the running system: " + err.Error()}, false
		}
		if now != m.req.System {
			return &failure{activation: true, message: "switch-to-configuration ended well, but the running system is " + now}, false
		}
		return nil, false
	case err == nil && code == exitReboot:
		if now, _ := m.fx.running(); now == m.req.System {
			return nil, true
		}
		return &failure{activation: true, message: "the new system can only be reached by a reboot (exit status 100): deploy it with --boot, then reboot"}, false
	case err != nil:
		// What the operator gave up, or somebody else ended, is rolled back
		// whatever autoRollback says.
		return &failure{activation: ctx.Err() == nil, message: err.Error()}, false
	}
	f = &failure{activation: true, message: explainExit(code)}
	if code == exitUnits {
		if all, fresh := m.failedUnits(ctx); len(fresh) > 0 {
			f.units, f.message = fresh, "units failed: "+strings.Join(fresh, ", ")
		} else if len(all) > 0 {
			f.units, f.message = all, "units failed, as they had before: "+strings.Join(all, ", ")
		}
	}
	return f, false
}

// switchTo runs switch-to-configuration within the activation timeout.
func (m *machine) switchTo(ctx context.Context, system, action string, force bool) (int, error) {
	limit := time.Duration(m.req.ActivationTimeout) * time.Second
	tooSlow := fmt.Errorf("activation took longer than activationTimeout (%d s)", m.req.ActivationTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, tooSlow)
	defer cancel()
	return m.fx.activate(ctx, system, action, force, func(line string) {
		m.emit(wire.Event{Kind: wire.Output, Message: line})
	})
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
// so have let in the deployer that confirms.
func (m *machine) commit(ctx context.Context) wire.Event {
	if now, err := m.fx.running(); m.req.Goal != wire.Boot && err == nil && now != m.req.System {
		return m.undo(ctx, failure{message: "somebody else activated " + now + " meanwhile"})
	}
	m.st.ProfileTouched = true
	if f := m.enter(stageCommitting, wire.PhaseCommitting); f != nil {
		return m.undo(ctx, *f)
	}
	limit := time.Duration(m.req.ActivationTimeout) * time.Second
	pctx, cancel := context.WithTimeout(ctx, limit)
	err := m.fx.setProfile(pctx, m.req.System)
	cancel()
	if err != nil {
		return m.undo(ctx, failure{message: "setting the profile: " + err.Error()})
	}
	code, err := m.switchTo(ctx, m.req.System, "boot", false)
	switch {
	case err != nil:
		return m.undo(ctx, failure{message: "making it the boot default: " + err.Error()})
	case code != 0 && code != exitReboot:
		return m.undo(ctx, failure{message: "making it the boot default: " + explainExit(code)})
	}
	outcome := wire.Deployed
	if m.req.Goal == wire.Boot {
		outcome = wire.BootSet
	}
	return m.finish(wire.Event{Outcome: outcome, Reboot: code == exitReboot})
}

// undo brings back what was touched, in the order that keeps a power cut safe:
// what boots first, what runs last. The old system is not asked whether it may:
// what its checks look at may be just what the new one broke.
func (m *machine) undo(ctx context.Context, f failure) wire.Event {
	ctx = context.WithoutCancel(ctx)
	m.gate.shut()
	if f.activation && !m.req.AutoRollback {
		return m.finish(wire.Event{Outcome: wire.LeftBroken, Message: f.message, Units: f.units})
	}
	m.st.Cause, m.st.Units = f.message, f.units
	// A state that cannot be saved must not keep the host from going back.
	_ = m.enter(stageRollingBack, wire.PhaseRollingBack)
	var problems []error
	if m.st.ProfileTouched {
		problems = append(problems, m.undoProfile(ctx))
	}
	if m.st.Activated && !m.fx.shuttingDown(ctx) {
		problems = append(problems, m.undoRunning(ctx))
	}
	e := wire.Event{Outcome: wire.RolledBack, Message: f.message, Units: f.units}
	if err := errors.Join(problems...); err != nil {
		e.Outcome = wire.RollbackFailed
		e.Message += "; rolling back: " + strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	return m.finish(e)
}

func (m *machine) undoProfile(ctx context.Context) error {
	limit := time.Duration(m.req.ActivationTimeout) * time.Second
	pctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var problem error
	if err := m.fx.restoreProfile(pctx, m.st.Old); err != nil {
		problem = fmt.Errorf("profile: %w", err)
	}
	system := m.st.Old.Profile
	if system == "" {
		system = m.st.Old.Running
	}
	// Whatever became of the profile: the boot loader decides what boots.
	return errors.Join(problem, m.retry(ctx, func() error {
		code, err := m.switchTo(ctx, system, "boot", true)
		if err == nil && code != 0 && code != exitReboot {
			err = errors.New(explainExit(code))
		}
		if err != nil {
			return fmt.Errorf("boot default: %w", err)
		}
		return nil
	}))
}

func (m *machine) undoRunning(ctx context.Context) error {
	if now, err := m.fx.running(); err == nil && now != m.req.System && now != m.st.Old.Running {
		return fmt.Errorf("somebody else activated %s meanwhile, and it is left as it is", now)
	}
	return m.retry(ctx, func() error {
		code, err := m.switchTo(ctx, m.st.Old.Running, "test", true)
		if err != nil {
			return err
		}
		now, err := m.fx.running()
		if err != nil {
			return err
		}
		if now != m.st.Old.Running {
			return fmt.Errorf("%s, and the running system is %s", explainExit(code), now)
		}
		if code == 0 || code == exitReboot {
			return nil
		}
		// A unit that was broken before is no fault of the rollback.
		if _, fresh := m.failedUnits(ctx); code != exitUnits || len(fresh) > 0 {
			return fmt.Errorf("%s %s", explainExit(code), strings.Join(fresh, ", "))
		}
		return nil
	})
}

// retry tries three times: a rollback may meet the lock of an activation that
// somebody started by hand, or a unit manager that is still busy.
func (m *machine) retry(ctx context.Context, try func() error) error {
	const tries = 3
	var err error
	for i := range tries {
		if err = try(); err == nil || i == tries-1 {
			break
		}
		select {
		case <-time.After(m.pause):
		case <-ctx.Done():
			return err
		}
	}
	return err
}

func (m *machine) enter(s stage, phase string) *failure {
	m.st.Stage = s
	m.emit(wire.Event{Kind: wire.Phase, Phase: phase})
	if err := m.fx.save(m.st); err != nil {
		return &failure{message: "saving the deployment's state: " + err.Error()}
	}
	return nil
}

// finish completes the last event. Saving that it is the last is for the
// caller, who has the record to write first.
func (m *machine) finish(e wire.Event) wire.Event {
	e.Kind, e.ID = wire.Finished, m.req.ID
	e.Old, e.New = m.st.Old.Running, m.req.System
	return e
}

// failedUnits lists the units that have failed, and those of them that had not
// before.
func (m *machine) failedUnits(ctx context.Context) (all, fresh []string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	all, err := m.fx.failedUnits(ctx)
	if err != nil {
		return nil, nil
	}
	for _, u := range all {
		if !slices.Contains(m.st.Old.Failed, u) {
			fresh = append(fresh, u)
		}
	}
	const enough = 50 // an event is one bounded line
	return all[:min(len(all), enough)], fresh[:min(len(fresh), enough)]
}
