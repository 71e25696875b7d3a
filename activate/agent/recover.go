package agent

import (
	"context"
	"errors"
	"os"

	"flakeops/activate/agent/history"
	"flakeops/activate/agent/orphans"
	"flakeops/activate/wire"
)

// guard recovers a deployment that its unit has given up.
func (a *agent) guard(ctx context.Context, id string) error {
	if a.unitThere(ctx, id) {
		return nil
	}
	final, err := a.recover(ctx, id)
	if final.Kind != "" {
		return nil // whichever the end, it has done its work
	}
	return err
}

// recover brings a deployment to its end after its main process is gone, takes its
// guard away, and returns its last event. It is called when that ended well, too, or
// was refused: then it takes no lock, which the next deployment may be about to take.
func (a *agent) recover(ctx context.Context, id string) (wire.Event, error) {
	d, err := a.open(id)
	if errors.Is(err, os.ErrNotExist) {
		a.removeGuard(ctx, id) // it is long over
	}
	if err != nil {
		return wire.Event{}, err
	}
	defer d.log.Close()
	final, err := d.takeUp(ctx)
	if final.Kind != "" {
		a.removeGuard(ctx, id)
	}
	return final, err
}

// takeUp brings the deployment to its end, unless it has one. The error is an
// *unfinishedError when it still has none.
func (d *deployment) takeUp(ctx context.Context) (wire.Event, error) {
	if d.log.Last != nil {
		return *d.log.Last, nil
	}
	final, err := d.takeUpLocked(ctx)
	if err != nil && final.Kind == "" {
		err = &unfinishedError{err}
	}
	return final, err
}

func (d *deployment) takeUpLocked(ctx context.Context) (wire.Event, error) {
	if err := orphans.Adopt(); err != nil {
		return wire.Event{}, err
	}
	// Whoever holds the lock now will notice this deployment, and let go.
	wait, cancel := context.WithTimeout(ctx, slack)
	defer cancel()
	if err := d.takeLock(wait); err != nil {
		return wire.Event{}, err
	}
	defer d.lock.Release()
	// Who had the lock may have brought it to its end.
	if err := d.reopen(); err != nil {
		return wire.Event{}, err
	}
	if d.log.Last != nil {
		return *d.log.Last, nil
	}
	return d.settle(ctx)
}

// settle resumes the deployment, with the lock held, from what is on record. What
// has ended is not gone through once more: somebody may have put the host right
// since, or the end was a rollback and the state tells of a commit.
func (d *deployment) settle(ctx context.Context) (wire.Event, error) {
	var st state
	if err := readJSON(d.agent.layout.state(d.req.ID), &st); err != nil && !errors.Is(err, os.ErrNotExist) {
		return wire.Event{}, err
	}
	// A record that cannot be read keeps no host from going back.
	rec, known, unreadable := history.Find(d.agent.layout.records(), d.req.ID)
	switch {
	case st.Final != nil:
		return d.close(st, *st.Final)
	case rec.Outcome != "":
		return d.close(st, history.Ending(rec))
	case st.Stage == "", st.Stage == stageStarted && !known && unreadable == nil:
		d.forget()
		d.lock.Release()
		return d.refuse(errors.New("the agent on the host ended before it began: see journalctl -u " + unit(d.req.ID))), nil
	}
	m := d.machine(st)
	if socket, err := serve(d.agent.layout.socket(d.req.ID), m.gate); err == nil {
		defer socket.Close()
	}
	return d.conclude(m, m.resume(ctx))
}
