package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	engine "flakeops/internal/fleet"
	"flakeops/tests/schema"
)

// event is what these tests look for in a line of --json-lines.
type event struct {
	Kind     engine.Kind    `json:"kind"`
	Node     string         `json:"node"`
	Step     engine.Step    `json:"step"`
	Outcome  engine.Outcome `json:"outcome"`
	ExitCode *int           `json:"exitCode"`
}

// eventsIn reads whole lines of events, each of which is as the schema says.
func eventsIn(t *testing.T, stdout string) []event {
	t.Helper()
	s, err := schema.Read("../../docs/reference/schema/events.json")
	if err != nil {
		t.Fatal(err)
	}
	var events []event
	for line := range strings.Lines(stdout) {
		if !strings.HasSuffix(line, "\n") {
			break // it is still being written
		}
		if err := s.Check([]byte(line)); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		events = append(events, e)
	}
	return events
}

// endsWith wants every node to have ended in the events, and then the run with code.
func endsWith(t *testing.T, events []event, code int, outcomes map[string]engine.Outcome) {
	t.Helper()
	ends := map[string]engine.Outcome{}
	for _, e := range events {
		if e.Kind == engine.Ended && e.Node != "" {
			ends[e.Node] = e.Outcome
		}
	}
	for node, want := range outcomes {
		if ends[node] != want {
			t.Errorf("%s ended with %q, want %q", node, ends[node], want)
		}
	}
	if len(events) == 0 || events[len(events)-1].ExitCode == nil || *events[len(events)-1].ExitCode != code {
		t.Errorf("the last of %d events does not have the exit code %d", len(events), code)
	}
}

// A node that is slow to evaluate holds up neither the build of another nor its push;
// and what happens is told as it does, to the end of an interrupted run.
func TestEventsTellOfNodesThatDoNotWaitForEachOther(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm", "db": "trixie"})
	gate := filepath.Join(t.TempDir(), "gate")
	slow := f.nodes["db"]
	slow.Faults, slow.GateFile = []string{"eval-slow"}, gate
	f.nodes["db"] = slow
	f.write()
	p := f.start("push", "path:"+f.dir, "--json-lines")
	of := func(kind engine.Kind, node string, step engine.Step) func(event) bool {
		return func(e event) bool { return e.Kind == kind && e.Node == node && e.Step == step }
	}
	eventually(t, "web is pushed while db is evaluated", func() bool {
		return slices.ContainsFunc(eventsIn(t, p.Stdout.String()), of(engine.Ended, "web", ""))
	})
	so := eventsIn(t, p.Stdout.String())
	if !slices.ContainsFunc(so, of(engine.Completed, "web", engine.Building)) || slices.ContainsFunc(so, of(engine.Completed, "db", engine.Evaluating)) {
		t.Errorf("%+v", so)
	}
	must(t, os.WriteFile(gate, nil, 0o600))
	r := p.wait().exits(0)
	endsWith(t, eventsIn(t, r.stdout), 0, map[string]engine.Outcome{"web": engine.Pushed, "db": engine.Pushed})

	f.version("db", "2", "gate")
	p = f.start("deploy", "path:"+f.dir, "--on", "db", "--json-lines")
	f.hosts["db"].reachesGate()
	p.signal(syscall.SIGINT)
	r = p.wait().exits(130)
	events := eventsIn(t, r.stdout)
	endsWith(t, events, 130, map[string]engine.Outcome{"db": "rolled back"})
	if !slices.ContainsFunc(events, of(engine.Progress, "db", engine.Activating)) {
		t.Errorf("%+v", events)
	}
	f.run("deploy", "path:"+f.dir, "--on", "nobody", "--json-lines").exits(1).says(`"exitCode":1`)
}
