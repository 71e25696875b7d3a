package agent

import (
	"context"
	"fmt"
	"time"

	"flakeops/activate/wire"
)

// switchTo runs switch-to-configuration within the activation timeout. Its lock,
// where root has that, is waited for as long, once something was touched; before,
// the error is a *lock.SwitchingError.
func (m *machine) switchTo(ctx context.Context, system, action string, force bool) (r *ran, err error) {
	tooSlow := fmt.Errorf("activation took longer than activationTimeout (%d s)", m.req.ActivationTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, m.limit(), tooSlow)
	defer cancel()
	said := false
	for free := 0; ; {
		busy := m.fx.switchable()
		if busy == nil {
			r = &ran{action: action}
			r.code, err = m.fx.activate(ctx, system, action, force, func(line string) {
				r.hear(line)
				m.output(line)
			})
			if err != nil || r.code != exitLock {
				return r, err
			}
			// Another was quicker, unless that is not what the status means.
			if busy = m.fx.switchable(); busy == nil {
				if free++; free >= 3 {
					return r, nil
				}
			}
		}
		if busy != nil && m.st.Stage == stageActivating {
			return nil, busy
		}
		if busy != nil && !said {
			said = true
			m.output("waiting for the lock: " + busy.Error())
		}
		select {
		case <-time.After(m.pause):
		case <-ctx.Done():
			if busy != nil {
				return nil, busy
			}
			return nil, context.Cause(ctx)
		}
	}
}

func (m *machine) output(line string) { m.emit(wire.Event{Kind: wire.Output, Message: line}) }

// retry tries three times: a rollback may meet a unit manager that is still busy.
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
