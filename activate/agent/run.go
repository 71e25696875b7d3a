package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"flakeops/activate/agent/history"
	"flakeops/activate/agent/lock"
	"flakeops/activate/agent/orphans"
	"flakeops/activate/wire"

	"flakeops/internal/onhost"
)

// deployment is what the processes of one deployment share: its request, its
// event log, and its effects on the host.
type deployment struct {
	agent *agent
	req   wire.Request
	log   *history.Log
	fx    *host
	lock  *lock.Lock

	attended bool // by who deploys something else meanwhile
}

func (a *agent) open(id string) (*deployment, error) {
	d := &deployment{agent: a}
	if err := readJSON(a.layout.request(id), &d.req); err != nil {
		return nil, err
	}
	if err := d.reopen(); err != nil {
		return nil, err
	}
	d.fx = &host{layout: a.layout, runner: a.runner, id: id, profile: a.layout.root + d.req.Profile}
	return d, nil
}

// reopen reads the event log to its end, which other processes write, too.
func (d *deployment) reopen() error {
	log, err := history.OpenLog(d.agent.layout.events(d.req.ID))
	if err != nil {
		return err
	}
	if d.log != nil {
		_ = d.log.Close()
	}
	d.log = log
	return nil
}

// run is the main process of a deployment's unit. It resumes what an earlier one
// had begun.
func (a *agent) run(ctx context.Context, id string) error {
	d, err := a.open(id)
	if err != nil {
		return err
	}
	defer d.log.Close()
	if d.log.Last != nil {
		return nil
	}
	if a.unfinished(id) {
		_ = a.setGuard(ctx, d.req) // somebody may have taken it away
		_, err := d.takeUp(ctx)
		return err
	}
	m, err := d.begin(ctx)
	if err != nil {
		d.refuse(err)
		return err
	}
	socket, err := serve(a.layout.socket(id), m.gate)
	if err != nil {
		// Nothing has changed yet, so this is not a rollback but an end.
		_, err = d.conclude(m, m.finish(wire.Event{Outcome: wire.RolledBack, Message: "opening the confirm socket: " + err.Error()}))
		return err
	}
	defer socket.Close()
	_, err = d.conclude(m, m.run(ctx))
	return err
}

// begin takes the lock, sets the guard, and writes down everything that a recovery
// needs: first the state, by which what follows can be taken back. When it fails
// the host is as it was.
func (d *deployment) begin(ctx context.Context) (*machine, error) {
	if err := orphans.Adopt(); err != nil {
		return nil, err
	}
	err := d.takeLock(ctx)
	var locked *lock.TakenError
	if errors.As(err, &locked) && locked.Holder != nil && d.agent.announceArrival(locked.Holder.ID) {
		wait, cancel := context.WithTimeout(ctx, socketTimeout)
		err = d.takeLock(wait)
		cancel()
	}
	if err != nil {
		return nil, err
	}
	m, err := d.writeDown(ctx)
	if err != nil {
		d.forget()
		d.lock.Release()
		return nil, err
	}
	left, _ := os.ReadFile(d.agent.layout.left())
	m.again = string(left) == d.req.System
	d.log.Emit(wire.Event{Kind: wire.Started, ID: d.req.ID, Old: m.st.Old.Running, New: d.req.System})
	return m, nil
}

// announceArrival tells a deployment that is stranded that somebody has got in, who will
// deploy something else, and says whether it is.
func (a *agent) announceArrival(id string) bool {
	var st state
	if readJSON(a.layout.state(id), &st) != nil || st.Stage != stageStranded {
		return false
	}
	_, err := a.ask(wire.Attach{Version: wire.Version, ID: id})
	return err == nil
}

func (d *deployment) writeDown(ctx context.Context) (*machine, error) {
	if err := d.agent.mayBegin(ctx, d.req.ID); err != nil {
		return nil, err
	}
	old, err := d.fx.readBefore(ctx)
	if err != nil {
		return nil, err
	}
	if err := d.canGoBack(old); err != nil {
		return nil, err
	}
	if err := d.agent.setGuard(ctx, d.req); err != nil {
		return nil, err
	}
	m := d.machine(state{Stage: stageStarted, Old: old})
	if err := d.fx.save(m.st); err != nil {
		return nil, err
	}
	if err := d.root(old); err != nil {
		return nil, err
	}
	return m, history.Append(d.agent.layout.records(), d.record(old.Running, wire.Event{}))
}

// forget takes back what is written down of a deployment that did not begin.
func (d *deployment) forget() {
	d.agent.unroot(d.req.ID)
	_ = os.Remove(d.agent.layout.state(d.req.ID))
	d.removeLeftovers()
}

// removeLeftovers removes what a process that was killed left open.
func (d *deployment) removeLeftovers() {
	_ = os.Remove(d.agent.layout.socket(d.req.ID))
	_ = os.Remove(onhost.Unfinished(d.agent.layout.state(d.req.ID)))
}

// mayBegin makes sure that nothing else is at work on this host, or half done.
func (a *agent) mayBegin(ctx context.Context, id string) error {
	if err := lock.FreeSwitch(a.layout.switchLock()); err != nil {
		return err
	}
	return a.settleOthers(ctx, id)
}

// canGoBack refuses a host that could not be rolled back, unless nothing asks
// for that: the image of an appliance may lack the program.
func (d *deployment) canGoBack(old before) error {
	if !d.req.MagicRollback && !d.req.AutoRollback {
		return nil
	}
	for _, system := range []string{old.Running, old.Profile} {
		if system == "" {
			continue
		}
		if err := d.agent.usable(system); err != nil {
			return fmt.Errorf("this host could not go back to the system that it has: %w: "+
				"--no-magic-rollback together with --no-auto-rollback deploys without a way back", err)
		}
	}
	return nil
}

func (d *deployment) machine(st state) *machine {
	return &machine{
		req:   d.req,
		st:    st,
		fx:    d.fx,
		gate:  newGate(d.req.TokenHash),
		emit:  func(e wire.Event) { d.log.Emit(e) },
		pause: 2 * time.Second,

		attended: d.attended,
	}
}

func (d *deployment) takeLock(ctx context.Context) (err error) {
	me := wire.Holder{ID: d.req.ID, Operator: d.req.Operator, PID: os.Getpid(), Since: time.Now()}
	d.lock, err = lock.Take(ctx, d.agent.layout.lock(), me)
	return err
}

// conclude writes down how it ended, and returns the last event. Without one the
// deployment is taken up after the boot, if that is one that keeps /run.
func (d *deployment) conclude(m *machine, final wire.Event) (wire.Event, error) {
	if final.Kind == "" {
		d.lock.Release()
		return final, &unfinishedError{errors.Join(errors.New("the host is going down"), d.agent.setGuardAfterBoot(d.req))}
	}
	if err := history.Append(d.agent.layout.records(), d.record(m.st.Old.Running, final)); err != nil {
		final.Message = join(final.Message, "the host's record could not be written: "+err.Error())
	}
	return d.close(m.st, final)
}

// close does what is left once the end is on record. The lock goes before the last
// event is out, so that who waits for that can start the next deployment.
func (d *deployment) close(st state, final wire.Event) (wire.Event, error) {
	problem := d.agent.markLeft(final)
	if final.Outcome != wire.RollbackFailed { // then somebody needs both systems
		d.agent.unroot(d.req.ID)
	}
	st.Stage, st.Final = stageFinished, &final
	problem = errors.Join(problem, d.fx.save(st))
	d.removeLeftovers()
	d.lock.Release()
	final = d.log.Emit(final)
	if !final.Outcome.OK() {
		problem = errors.Join(fmt.Errorf("%s: %s", final.Outcome, final.Message), problem)
	}
	return final, problem
}

// refuse puts the refusal where the deployer's stream finds it.
func (d *deployment) refuse(cause error) wire.Event {
	e := wire.Event{Kind: wire.Refused, ID: d.req.ID, Message: cause.Error()}
	var locked *lock.TakenError
	if errors.As(cause, &locked) {
		e.Holder = locked.Holder
	}
	return d.log.Emit(e)
}

func (d *deployment) record(old string, final wire.Event) wire.Record {
	return wire.Record{
		Version: wire.Version, ID: d.req.ID, Time: time.Now().UTC(), Node: d.req.Node,
		Operator: d.req.Operator, Flake: d.req.Flake, Old: old, New: d.req.System, Goal: d.req.Goal,
		Outcome: final.Outcome, Message: final.Message, Units: final.Units,
	}
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}
