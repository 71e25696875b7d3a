package cli

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"flakeops/activate"
	"flakeops/activate/wire"
	"flakeops/flake"
	"flakeops/internal/settings"
	"flakeops/keys"
	"flakeops/keys/message"
)

// world is a fleet of hosts that never were, and the journal of what the
// pipeline asked of them, in order.
type world struct {
	t *testing.T

	evalErr     map[string]error
	unchanged   error
	back        map[string]activate.Facts // after a reboot; as before when absent
	failedUnits map[string][]string
	buildErr    map[string]error
	runErr      error // of the build as a whole
	dialErr     map[string]error
	facts       map[string]activate.Facts
	pushErr     map[string]error
	readErr     map[string]error
	keysErr     map[string]error
	keysReply   message.Reply
	activateErr map[string]error
	backErr     map[string]error // of a second activation
	bootErr     map[string]error
	factsErr    map[string]error
	surveyErr   map[string]error
	unitsErr    map[string]error
	screen      screen
	dryErr      map[string]error
	deployment  map[string]settings.Settings
	change      func(*flake.Evaluation) // as it is evaluated
	others      []flake.Other
	closures    map[string]map[string]int64 // of store paths that are built here
	surveys     map[string]activate.Survey
	answer      bool // to a question
	asked       string
	onActivate  func(ctx context.Context, node string)
	onPush      func(node string)
	onDial      func(ctx context.Context) error
	onBuild     func(node string) // before a node is reported as built

	mu      sync.Mutex
	journal []string
}

func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.journal = append(w.journal, fmt.Sprintf(format, args...))
}

func (w *world) did(entry string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(w.journal, entry)
}

// index is where entry is in the journal; the test fails when it is not there.
func (w *world) index(entry string) int {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.Index(w.journal, entry)
	if i < 0 {
		w.t.Fatalf("%q did not happen: %q", entry, w.journal)
	}
	return i
}

func system(node string) string { return "/nix/store/" + fmt.Sprintf("%032d", len(node)) + "-" + node }

func (w *world) Evaluate(_ context.Context, names []string, want flake.Want, report func(flake.Evaluation)) error {
	for _, name := range names {
		w.note("evaluate %s", name)
		if err := w.evalErr[name]; err != nil {
			report(flake.Evaluation{Name: name, Err: err})
			continue
		}
		d, ok := w.deployment[name]
		if !ok {
			d = settings.Settings{TargetHost: &name, MagicRollback: true, AutoRollback: true, ConfirmTimeout: 30, ActivationTimeout: 300}
		}
		d.Addressed, d.Platform = true, ownSystem()
		e := flake.Evaluation{Name: name, Settings: d}
		if want == flake.WithSystem {
			e.System = flake.System{Drv: system(name) + ".drv", Out: system(name), Platform: ownSystem()}
		}
		if w.change != nil {
			w.change(&e)
		}
		report(e)
	}
	return w.unchanged
}

func (w *world) Addresses(context.Context) ([]flake.Other, error) {
	w.note("addresses")
	return w.others, nil
}

func (w *world) Build(_ context.Context, jobs []flake.Job, report func(flake.BuildEvent)) error {
	for _, j := range jobs {
		w.note("build %s", j.Node)
	}
	if w.runErr != nil {
		return w.runErr
	}
	for _, j := range jobs {
		if err := w.buildErr[j.Node]; err != nil {
			report(flake.BuildEvent{Node: j.Node, Kind: flake.BuildFailed, Err: err})
			continue
		}
		if w.onBuild != nil {
			w.onBuild(j.Node)
		}
		w.note("built %s", j.Node)
		report(flake.BuildEvent{Node: j.Node, Kind: flake.BuildBuilt})
	}
	return nil
}

func (w *world) Keep(_ context.Context, name, _ string) error {
	w.note("keep %s", name)
	return nil
}

func (w *world) Closure(_ context.Context, storePath string) (map[string]int64, error) {
	return w.closures[storePath], nil
}

// Confirm gives the world's one answer.
func (w *world) Confirm(_ context.Context, question string) (bool, error) {
	w.note("asked")
	w.asked = question
	return w.answer, nil
}

func (w *world) Dial(ctx context.Context, node string, _ settings.Settings) (host, error) {
	w.note("dial %s", node)
	if w.onDial != nil {
		if err := w.onDial(ctx); err != nil {
			return nil, err
		}
	}
	if err := w.dialErr[node]; err != nil {
		return nil, err
	}
	return &fakeHost{world: w, node: node}, nil
}

type fakeHost struct {
	world *world
	node  string
}

func (h *fakeHost) Address() string { return h.node }

func (h *fakeHost) Close() error {
	h.world.note("close %s", h.node)
	return nil
}

func (h *fakeHost) Facts(context.Context, ...string) (activate.Facts, error) {
	if err := h.world.factsErr[h.node]; err != nil {
		return activate.Facts{}, err
	}
	if f, ok := h.world.facts[h.node]; ok {
		return f, nil
	}
	return oldFacts(), nil
}

// oldFacts are those of a host that runs something else than what is deployed.
func oldFacts() activate.Facts {
	return activate.Facts{
		Running: system("old"), Profile: system("old"), Systemd: 252, Nix: "2.8.0",
		Machine: "Linux " + ownCPU(),
	}
}

func ownCPU() string {
	s := ownSystem()
	return s[:len(s)-len("-linux")]
}

func (h *fakeHost) Push(_ context.Context, p parcel) error {
	kind := "push"
	if p.derivation {
		kind = "push derivation"
	}
	h.world.note("%s %s %d", kind, h.node, len(p.paths))
	p.progress(1, 1)
	if h.world.onPush != nil {
		h.world.onPush(h.node)
	}
	return h.world.pushErr[h.node]
}

func (h *fakeHost) Realise(_ context.Context, drv string, line func(string)) error {
	h.world.note("realise %s", h.node)
	line("building " + drv)
	return h.world.buildErr[h.node]
}

func (h *fakeHost) DryActivate(_ context.Context, system string, line func(string)) error {
	h.world.note("dry %s", h.node)
	line("would restart the app of " + system)
	return h.world.dryErr[h.node]
}

func (h *fakeHost) Activate(ctx context.Context, req wire.Request, observe func(wire.Event)) (wire.Event, error) {
	req.TokenHash = fmt.Sprintf("%064d", 0)
	if err := req.Validate(); err != nil {
		h.world.t.Errorf("%s: %v", h.node, err)
	}
	h.world.note("activate %s %s", h.node, req.System)
	if h.world.onActivate != nil {
		h.world.onActivate(ctx, h.node)
	}
	old := system("old")
	if req.System == old {
		old = system(h.node)
	}
	observe(wire.Event{Kind: wire.Started, Seq: 1, Old: old, New: req.System})
	observe(wire.Event{Kind: wire.Output, Seq: 2, Message: "hello"})
	if err := h.world.activateErr[h.node]; err != nil {
		return wire.Event{}, err
	}
	if err := h.world.backErr[h.node]; err != nil && req.System == system("old") {
		return wire.Event{}, err
	}
	outcome := map[wire.Goal]wire.Outcome{wire.Switch: wire.Deployed, wire.Test: wire.Tested, wire.Boot: wire.BootSet}[req.Goal]
	return wire.Event{Kind: wire.Finished, Seq: 3, Outcome: outcome}, nil
}

// silence is a screen that nobody looks at.
type silence struct{}

func (silence) Status(_, _ string) {}
func (silence) Detail(_, _ string) {}
func (silence) Log(_, _ string)    {}
func (silence) Line(_, _ string)   {}
func (silence) End(_, _ string)    {}
func (silence) Message(_ string)   {}

// run takes the nodes through a pipeline over the world.
func (w *world) run(ctx context.Context, todo plan, names ...string) *pipeline {
	if todo.goal == "" {
		todo.goal = wire.Switch
	}
	if w.screen == nil {
		w.screen = silence{}
	}
	p := &pipeline{
		plan: todo, source: w, store: w, reader: w, network: w, confirm: w, screen: w.screen,
		agents: storedAgents(),
	}
	p.run(ctx, names)
	return p
}

// storedAgents has the agent in the store already.
func storedAgents() *agents {
	a := &agents{}
	_, _ = a.done.Of(ownSystem()).Get(context.Background(), func(context.Context) (string, error) { return system("agent"), nil })
	return a
}

func wantOutcome(t *testing.T, p *pipeline, node, outcome string) {
	t.Helper()
	if r := p.find(node).ended(); r.outcome != outcome {
		t.Errorf("%s: outcome %q (%s), want %q", node, r.outcome, r.note, outcome)
	}
}

func wantCode(t *testing.T, p *pipeline, code int) {
	t.Helper()
	if got := p.worst(t.Context()); got != code {
		t.Errorf("exit code %d, want %d", got, code)
	}
}

func (h *fakeHost) SendKeys(_ context.Context, _ string, m message.Message) (message.Reply, error) {
	h.world.note("keys %s %s", m.Mode, h.node)
	return h.world.keysReply, h.world.keysErr[h.node]
}

// Read gives each key its own name as its value.
func (w *world) Read(_ context.Context, node string, of []settings.Key) ([]keys.Value, error) {
	w.note("read keys %s", node)
	if err := w.readErr[node]; err != nil {
		return nil, err
	}
	var values []keys.Value
	for _, k := range of {
		values = append(values, keys.Value{Key: k, Secret: keys.NewSecret([]byte(k.Name))})
	}
	return values, nil
}

func (h *fakeHost) Reboot(context.Context) error {
	h.world.note("reboot %s", h.node)
	return nil
}

func (h *fakeHost) AwaitBoot(ctx context.Context, previous string) (activate.Facts, error) {
	h.world.note("back %s", h.node)
	if err := h.world.bootErr[h.node]; err != nil {
		return activate.Facts{}, err
	}
	f, err := h.Facts(ctx)
	if back, ok := h.world.back[h.node]; ok {
		f = back
	}
	f.BootID = previous + "+1"
	return f, err
}

func (h *fakeHost) Survey(_ context.Context, q activate.Question) (activate.Survey, error) {
	h.world.note("survey %s", h.node)
	s := h.world.surveys[h.node]
	if q.New != nil {
		s.New = q.New
	}
	return s, h.world.surveyErr[h.node]
}

func (h *fakeHost) FailedUnits(context.Context) ([]string, error) {
	return h.world.failedUnits[h.node], h.world.unitsErr[h.node]
}
