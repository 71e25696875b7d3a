package agent

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"flakeops/activate/wire"
)

// mortal is a world whose agent dies at one of its steps: just before the step,
// or with it done and nobody told.
type mortal struct {
	*world
	dies int // before step dies/2, or after it where dies is odd; the first is step 1
	step int
	disk []byte // the state on record
}

type death struct{}

func (m *mortal) at(do func()) {
	m.step++
	if m.dies == 2*m.step {
		panic(death{})
	}
	do()
	if m.dies == 2*m.step+1 {
		panic(death{})
	}
}

func (m *mortal) activate(ctx context.Context, system, action string, force bool, line func(string)) (code int, err error) {
	m.at(func() { code, err = m.world.activate(ctx, system, action, force, line) })
	return code, err
}

func (m *mortal) setProfile(ctx context.Context, system string) (err error) {
	m.at(func() { err = m.world.setProfile(ctx, system) })
	return err
}

func (m *mortal) restoreProfile(ctx context.Context, old before) (err error) {
	m.at(func() { err = m.world.restoreProfile(ctx, old) })
	return err
}

func (m *mortal) save(st state) (err error) {
	m.at(func() { m.disk, err = json.Marshal(st) })
	return err
}

// lives runs one agent, and says whether it came to its end.
func (m *mortal) lives(run func() wire.Event) (e wire.Event, alive bool) {
	m.step = 0
	defer func() {
		if r := recover(); r != nil && r != any(death{}) {
			panic(r)
		}
	}()
	return run(), true
}

// Whichever step the agent dies at, and whichever step the one dies at that
// recovers it: in the end a host is wholly as it was or, and only if somebody
// confirmed, wholly as it was to be.
func TestMachineThatDiesAtAnyStep(t *testing.T) {
	old, fresh := [3]string{"OLD", "OLD", "OLD"}, [3]string{"NEW", "NEW", "NEW"} // running, profile, boot default
	type change func(*world)
	for name, c := range map[string]struct {
		goal        wire.Goal
		confirm     bool
		world       change
		before, end [3]string
	}{
		"confirmed":           {wire.Switch, true, nil, old, fresh},
		"not confirmed":       {wire.Switch, false, nil, old, old},
		"activation fails":    {wire.Switch, true, func(w *world) { w.exits["NEW test"] = exitActivation }, old, old},
		"profile fails":       {wire.Switch, true, func(w *world) { w.setErr = errors.New("no space left") }, old, old},
		"boot loader fails":   {wire.Switch, true, func(w *world) { w.exits["NEW boot"] = exitCheck }, old, old},
		"test":                {wire.Test, true, nil, old, [3]string{"NEW", "OLD", "OLD"}},
		"test, not confirmed": {wire.Test, false, nil, old, old},
		"boot":                {wire.Boot, false, nil, old, [3]string{"OLD", "NEW", "NEW"}},
		"boot fails":          {wire.Boot, false, func(w *world) { w.exits["NEW boot"] = exitCheck }, old, old},
		"only to be committed": {wire.Switch, false, func(w *world) { w.current = "NEW" },
			[3]string{"NEW", "OLD", "OLD"}, fresh},
		"the same once more": {wire.Switch, false, func(w *world) { w.current, w.profile, w.boot = "NEW", "NEW", "NEW" }, fresh, fresh},
	} {
		t.Run(name, func(t *testing.T) {
			const steps = 2 * 14 // more than any deployment has
			for first := 2; first < steps; first++ {
				for second := range steps {
					w := newWorld()
					if c.world != nil {
						c.world(w)
					}
					mo := &mortal{world: w, dies: first}
					e, ended := mo.deploy(c.goal, c.confirm)
					for _, dies := range []int{second, 0} {
						if ended {
							break
						}
						e, ended = mo.recovered(t, c.goal, dies)
					}
					want := c.before
					if e.Outcome.OK() {
						want = c.end
					}
					if got := [3]string{w.current, w.profile, w.boot}; !ended || e.Outcome == wire.RollbackFailed || got != want {
						t.Fatalf("dead at %d and %d: %v, %+v; calls %q", first, second, got, e, w.calls)
					}
				}
			}
		})
	}
}

func (m *mortal) deploy(goal wire.Goal, confirm bool) (wire.Event, bool) {
	d := newMachine(m.world, goal)
	d.fx, d.pause = m, 0
	d.req.ConfirmTimeout = 0
	d.emit = func(e wire.Event) {
		if e.Phase == wire.PhaseWaiting && confirm {
			d.gate.present(token)
		}
	}
	m.disk, _ = json.Marshal(d.st)
	return m.lives(func() wire.Event { return d.run(context.Background()) })
}

func (m *mortal) recovered(t *testing.T, goal wire.Goal, dies int) (wire.Event, bool) {
	t.Helper()
	d := newMachine(m.world, goal)
	d.fx, d.pause = m, 0
	if err := json.Unmarshal(m.disk, &d.st); err != nil {
		t.Fatal(err)
	}
	m.dies = dies
	return m.lives(func() wire.Event { return d.resume(context.Background()) })
}
