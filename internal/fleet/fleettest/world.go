// Package fleettest has a fleet of hosts that never were, for tests of the engine and
// of the verbs. What it plays are programs: a host is a runner of commands, which
// answers as shell, nix-store, systemctl, switch-to-configuration and the agent do.
// What goes on between them and the engine is real.
package fleettest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"flakeops/activate"
	"flakeops/activate/wire"
	"flakeops/flake"
	"flakeops/flake/store"
	"flakeops/internal/fault"
	"flakeops/internal/fleet"
	"flakeops/internal/run"
	"flakeops/internal/settings"
	"flakeops/keys"
	"flakeops/keys/message"
)

// World is a fleet and what is to happen to it. All maps are by node, but for
// Closures, which is by store path. The zero value goes well.
type World struct {
	Settings map[string]settings.Settings
	Change   func(*flake.Evaluation) // as it is evaluated
	Others   []flake.Other
	Closures map[string]map[string]int64 // of what is built here
	Facts    map[string]activate.Facts
	Back     map[string]activate.Facts // after a reboot; as before when absent
	Surveys  map[string]activate.Survey
	Tells    map[string]string   // what a host tells beside its facts: lines of a name, a tab and a value
	Failed   map[string][]string // units, after a boot
	Records  map[string][]wire.Record
	Profile  map[string][]string // systems of the generations, from number 1 on
	Gone     map[string]bool     // systems that no host has any longer
	Reply    message.Reply       // to a message about keys

	EvalErr, BuildErr, DialErr, PushErr, ReadErr     map[string]error
	FactsErr, SurveyErr, KeysErr, DryErr, CollectErr map[string]error
	ActivateErr, BackErr, BootErr, UnitsErr          map[string]error
	Unchanged, RunErr                                error // of the evaluation and of the build as a whole

	// Interrupt ends the run that is under way, as Ctrl-C does.
	Interrupt func()

	OnEvaluate func(node string)
	OnBuild    func(node string) // before it is reported as built
	OnDial     func(ctx context.Context) error
	OnPush     func(node string)
	OnActivate func(node string)
	OnExec     func(ctx context.Context, where string, c run.Command) error // as user@NODE or root@NODE

	Answer bool   // to a question
	Asked  string // the question

	mu       sync.Mutex
	journal  []string
	events   []fleet.Event
	rebooted map[string]bool
}

// System is the store path of a node's system.
func System(node string) string {
	return "/nix/store/" + fmt.Sprintf("%032d", len(node)) + "-" + node
}

// Agent is the store path of the agent.
func Agent() string { return System("agent") }

// Platform is that of all hosts, this machine's own.
func Platform() string { return machine() + "-linux" }

func machine() string {
	if runtime.GOARCH == "arm64" {
		return "aarch64"
	}
	return "x86_64"
}

// OldFacts are those of a host that runs something else than what is deployed.
func OldFacts() activate.Facts {
	return activate.Facts{
		Running: System("old"), Profile: System("old"), Systemd: 252, Nix: "2.8.0", BootID: "1",
		Machine: "Linux " + machine(),
	}
}

// Run has steps taken with the nodes of those names, in a bubble of time of its own,
// and finishes the run.
func (w *World) Run(t *testing.T, o fleet.Options, steps func(context.Context, *fleet.Run), names ...string) *fleet.Run {
	t.Helper()
	return w.RunWith(t, o, nil, steps, names...)
}

// RunWith is Run with nodes of which is known that they cannot be evaluated.
func (w *World) RunWith(t *testing.T, o fleet.Options, failed []flake.Evaluation, steps func(context.Context, *fleet.Run), names ...string) *fleet.Run {
	t.Helper()
	var r *fleet.Run
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancelCause(t.Context())
		w.Interrupt = func() { end(fault.ErrInterrupted) }
		r = fleet.Start(ctx, o, w.parts(), names, failed...)
		steps(ctx, r)
		r.Finish(ctx)
		end(nil)
	})
	return r
}

func (w *World) parts() fleet.Parts {
	w.rebooted = map[string]bool{}
	return fleet.Parts{
		Source: w, Store: w, Reader: w, Network: w, Tell: w.tell,
		Agent: func(context.Context, string) (string, error) { return Agent(), nil },
	}
}

func (w *World) tell(e fleet.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
}

// Events are what was told.
func (w *World) Events() []fleet.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events)
}

func (w *World) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.journal = append(w.journal, fmt.Sprintf(format, args...))
}

// Journal is what was asked of the world, in order.
func (w *World) Journal() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.journal)
}

// Did says whether entry is in the journal.
func (w *World) Did(entry string) bool { return slices.Contains(w.Journal(), entry) }

// Activated says whether the node's system was activated.
func (w *World) Activated(node string) bool { return w.Did("activate " + node + " " + System(node)) }

// Index is where entry is in the journal; the test fails when it is not there.
func (w *World) Index(t *testing.T, entry string) int {
	t.Helper()
	i := slices.Index(w.Journal(), entry)
	if i < 0 {
		t.Fatalf("%q did not happen: %q", entry, w.Journal())
	}
	return i
}

// Forget empties the journal.
func (w *World) Forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.journal, w.events = nil, nil
}

// Evaluate is that of a flake.
func (w *World) Evaluate(_ context.Context, names []string, want flake.Want, report func(flake.Evaluation)) error {
	for _, name := range names {
		w.note("evaluate %s", name)
		if w.OnEvaluate != nil {
			w.OnEvaluate(name)
		}
		if err := w.EvalErr[name]; err != nil {
			report(flake.Evaluation{Name: name, Err: err})
			continue
		}
		s, ok := w.Settings[name]
		if !ok {
			s = settings.Settings{TargetHost: &name, MagicRollback: true, AutoRollback: true, ConfirmTimeout: 30, ActivationTimeout: 300}
		}
		s.Addressed, s.Platform = true, Platform()
		e := flake.Evaluation{Name: name, Settings: s}
		if want == flake.WithSystem {
			e.System = flake.System{Drv: System(name) + ".drv", Out: System(name), Platform: Platform()}
		}
		if w.Change != nil {
			w.Change(&e)
		}
		report(e)
	}
	return w.Unchanged
}

// Addresses are those of other outputs.
func (w *World) Addresses(context.Context) ([]flake.Other, error) {
	w.note("addresses")
	return w.Others, nil
}

// Build is that of the local store.
func (w *World) Build(_ context.Context, jobs []store.Job, report func(store.BuildEvent)) error {
	for _, j := range jobs {
		w.note("build %s", j.Node)
	}
	if w.RunErr != nil {
		return w.RunErr
	}
	for _, j := range jobs {
		if err := w.BuildErr[j.Node]; err != nil {
			report(store.BuildEvent{Node: j.Node, Kind: store.BuildFailed, Err: err})
			continue
		}
		if w.OnBuild != nil {
			w.OnBuild(j.Node)
		}
		w.note("built %s", j.Node)
		report(store.BuildEvent{Node: j.Node, Kind: store.BuildBuilt})
	}
	return nil
}

// Keep is that of the local store.
func (w *World) Keep(_ context.Context, name, _ string) error {
	w.note("keep %s", name)
	return nil
}

// Closure is that of the local store.
func (w *World) Closure(_ context.Context, storePath string) (map[string]int64, error) {
	return w.Closures[storePath], nil
}

// Confirm gives the world's one answer.
func (w *World) Confirm(_ context.Context, question string) (bool, error) {
	w.note("asked")
	w.Asked = question
	return w.Answer, nil
}

// Read gives each key its own name as its value.
func (w *World) Read(_ context.Context, node string, of []settings.Key) ([]keys.Value, error) {
	w.note("read keys %s", node)
	if err := w.ReadErr[node]; err != nil {
		return nil, err
	}
	var values []keys.Value
	for _, k := range of {
		values = append(values, keys.Value{Key: k, Secret: keys.NewSecret([]byte(k.Name))})
	}
	return values, nil
}
