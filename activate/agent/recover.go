package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"flakeops/activate/wire"
	"flakeops/internal/run"
)

// recover brings a deployment to its end after its main process is gone, and
// returns its last event. It is called when that ended well, too, or was refused:
// then it takes no lock, which the next deployment may be about to take.
func (a *agent) recover(ctx context.Context, id string) (wire.Event, error) {
	d, err := a.open(id)
	if err != nil {
		return wire.Event{}, err
	}
	defer d.log.close()
	if d.log.last != nil {
		return *d.log.last, nil
	}
	if err := adopt(); err != nil {
		return wire.Event{}, err
	}
	// Whoever holds the lock now will notice this deployment, and let go.
	wait, cancel := context.WithTimeout(ctx, slack)
	defer cancel()
	if err := d.takeLock(wait); err != nil {
		return wire.Event{}, err
	}
	return d.settle(ctx)
}

// settle resumes the deployment, with the lock held; it lets the lock go.
func (d *deployment) settle(ctx context.Context) (wire.Event, error) {
	var st state
	switch err := readJSON(d.agent.layout.state(d.req.ID), &st); {
	case errors.Is(err, os.ErrNotExist):
		d.lock.release()
		return d.refuse(errors.New("the agent on the host ended before it began: see journalctl -u " + unit(d.req.ID))), nil
	case err != nil:
		d.lock.release()
		return wire.Event{}, err
	case st.Final != nil: // its writer died before it was out
		d.lock.release()
		return d.log.emit(*st.Final), nil
	}
	m := d.machine(st)
	if socket, err := serve(d.agent.layout.socket(d.req.ID), m.gate); err == nil {
		defer socket.Close()
	}
	return d.conclude(m, m.resume(ctx))
}

// settleOthers makes sure that no other deployment is half done. One whose unit
// is still there is being rolled back by it, and has precedence; one whose unit
// is gone is brought to its end here. The caller holds the lock.
func (a *agent) settleOthers(ctx context.Context, own string) error {
	for _, id := range a.deployments() {
		if id == own || !a.unfinished(id) {
			continue
		}
		d, err := a.open(id)
		if err != nil {
			return err
		}
		err = a.settleOther(ctx, d)
		_ = d.log.close()
		if err != nil {
			return err
		}
	}
	a.sweep(own)
	return nil
}

func (a *agent) settleOther(ctx context.Context, d *deployment) error {
	if d.log.last != nil { // it has ended, only its state could not be saved
		return d.fx.save(state{Stage: stageFinished, Final: d.log.last})
	}
	if a.unitThere(ctx, d.req.ID) {
		return &errLocked{holder: &wire.Holder{ID: d.req.ID, Operator: d.req.Operator, Since: time.Now()}}
	}
	var st state
	if err := readJSON(a.layout.state(d.req.ID), &st); err != nil {
		return err
	}
	m := d.machine(st)
	m.attended = true
	d.lock = &hostLock{} // the caller's is held throughout
	final := m.resume(ctx)
	// What could not be concluded is no reason to refuse: the next attempt
	// settles it again.
	_, _ = d.conclude(m, final)
	if final.Outcome == wire.RollbackFailed {
		return fmt.Errorf("deployment %s ended half way and could not be rolled back: %s", d.req.ID, final.Message)
	}
	return nil
}

func (a *agent) unfinished(id string) bool {
	var st state
	return readJSON(a.layout.state(id), &st) == nil && st.Stage != stageFinished
}

func (a *agent) unitThere(ctx context.Context, id string) bool {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, _ := run.Output(ctx, a.runner, run.Command{Argv: []string{"systemctl", "is-active", unit(id)}})
	switch strings.TrimSpace(string(out)) {
	case "active", "activating", "deactivating", "reloading":
		return true
	}
	return false
}
