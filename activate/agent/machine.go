package agent

import (
	"context"
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
	stageStranded    stage = "stranded" // rolling back has failed
	stageFinished    stage = "finished"
)

// before is what the host was like when the lock was taken: what a rollback
// goes back to.
type before struct {
	Running     string   `json:"running"`     // system
	Profile     string   `json:"profile"`     // system of the profile; empty without one
	ProfileLink string   `json:"profileLink"` // generation link's name, system-7-link
	Boots       string   `json:"boots"`       // what would boot, as bootloader.Default says it
	BootFiles   string   `json:"bootFiles"`   // digest of the files that decide about that
	Failed      []string `json:"failed"`      // units that had failed already
}

// state is what is saved of a running deployment.
type state struct {
	Stage          stage       `json:"stage"`
	Cause          string      `json:"cause,omitempty"`          // why it is rolling back
	Warning        string      `json:"warning,omitempty"`        // what failed, and had failed before
	Activated      bool        `json:"activated,omitempty"`      // the running system was touched
	ProfileTouched bool        `json:"profileTouched,omitempty"` // so were profile and boot loader
	Units          []string    `json:"units,omitempty"`          // of Cause or Warning
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
	// switchable sees to it that activate finds switch-to-configuration's lock
	// free. It returns a *lock.SwitchingError while root keeps it.
	switchable() error
	// setProfile makes system the profile's newest generation.
	setProfile(ctx context.Context, system string) error
	// restoreProfile makes the profile what it was.
	restoreProfile(ctx context.Context, old before) error
	running() (string, error)
	// profileSystem is the profile's system, empty without a profile.
	profileSystem() (string, error)
	// boots is what would boot, as bootloader.Default says it.
	boots() string
	// bootFiles is a digest of all files of the boot loader's; empty: not known.
	bootFiles() string
	// bootTrouble tells what keeps any boot loader from being installed, and
	// what to do about it; empty when nothing is seen.
	bootTrouble() string
	failedUnits(ctx context.Context) ([]string, error)
	// shuttingDown says whether the host is on its way down, where activating
	// an old system would only fight the shutdown.
	shuttingDown(ctx context.Context) bool
	// reboot has the host reboot, and returns when it is going down.
	reboot(ctx context.Context, why string) error
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

	attended bool // somebody got in who waits for this deployment's end
}

// failure is why a deployment does not go on.
type failure struct {
	message string
	units   []string
	// activation is set when the new system itself failed, which autoRollback
	// decides about; everything else always rolls back.
	activation bool
	// refused is set when the new system was not switched to at all.
	refused bool
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
		if f != nil && f.refused {
			return m.refuse(*f)
		}
		if f != nil {
			return m.undo(ctx, *f)
		}
		reboot = needsReboot
	}
	if m.gate.shut(); m.gate.isAborted() {
		return m.undo(ctx, failure{message: errAborted.Error()})
	}
	e := wire.Event{Outcome: wire.Tested}
	if m.req.Goal != wire.Test {
		if f := m.commit(ctx); f != nil {
			return m.undo(ctx, *f)
		}
		e.Outcome = m.committed()
	}
	e.Reboot = reboot
	return m.succeed(e)
}

// resume takes up a deployment whose process died.
func (m *machine) resume(ctx context.Context) wire.Event {
	m.gate.shut()
	switch m.st.Stage {
	case stageCommitting:
		if f := m.commit(ctx); f != nil {
			return m.undo(ctx, *f)
		}
		return m.succeed(wire.Event{Outcome: m.committed()})
	case stageRollingBack, stageStranded:
		return m.undo(ctx, failure{message: m.st.Cause, units: m.st.Units})
	default:
		return m.undo(ctx, failure{message: "the agent on the host ended while " + string(m.st.Stage)})
	}
}

func (m *machine) committed() wire.Outcome {
	if m.req.Goal == wire.Boot {
		return wire.BootSet
	}
	return wire.Deployed
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

// limit is what any one step may take.
func (m *machine) limit() time.Duration { return time.Duration(m.req.ActivationTimeout) * time.Second }

func (m *machine) enter(s stage, phase string) *failure {
	m.st.Stage = s
	m.emit(wire.Event{Kind: wire.Phase, Phase: phase})
	if err := m.fx.save(m.st); err != nil {
		return &failure{message: "saving the deployment's state: " + err.Error()}
	}
	return nil
}

func (m *machine) succeed(e wire.Event) wire.Event {
	e.Message, e.Units = m.st.Warning, m.st.Units
	return m.finish(e)
}

// refuse ends a deployment that found somebody else at work: nothing was touched.
func (m *machine) refuse(f failure) wire.Event {
	e := m.finish(wire.Event{Outcome: wire.RolledBack, Message: f.message})
	e.Kind = wire.Refused
	return e
}

// finish completes the last event. Saving that it is the last is for the
// caller, who has the record to write first.
func (m *machine) finish(e wire.Event) wire.Event {
	e.Kind, e.ID = wire.Finished, m.req.ID
	e.Old, e.New = m.st.Old.Running, m.req.System
	return e
}
