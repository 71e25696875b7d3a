package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"flakeops/activate/wire"
	"flakeops/flake"
)

// paper is a screen that keeps what it is told for good.
type paper struct {
	silence
	mu    sync.Mutex
	lines []string
}

func (p *paper) End(node, text string) { p.Message(node + ": " + text) }
func (p *paper) Message(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, text)
}

// written runs the pipeline and gives what it said.
func (w *world) written(ctx context.Context, todo plan, failed []flake.Evaluation, names ...string) (*pipeline, []string) {
	to := &paper{}
	p := &pipeline{
		plan: todo, source: w, store: w, reader: w, network: w, confirm: w, screen: to,
		agents: storedAgents(),
	}
	p.run(ctx, names, failed...)
	return p, to.lines
}

func TestNodesWithoutAnAddressAmongOthersAreRefused(t *testing.T) {
	others := []flake.Other{{Output: "deploy.nodes", Nodes: []flake.OtherNode{{Name: "a", Address: "real.example.org"}}}}
	unset := func(e *flake.Evaluation) { e.Settings.Addressed = e.Name == "set" }
	w := &world{t: t, others: others, change: unset}
	p, said := w.written(t.Context(), plan{through: throughActivate, goal: wire.Switch, keepGoing: true}, nil, "a", "bb", "set")
	wantOutcome(t, p, "a", outcomeRefused)
	wantOutcome(t, p, "bb", outcomeRefused)
	wantOutcome(t, p, "set", string(wire.Deployed))
	wantCode(t, p, exitRefused)
	if w.did("dial a") || w.did("dial bb") {
		t.Errorf("%q", w.journal)
	}
	if n := strings.Count(strings.Join(w.journal, ","), "addresses"); n != 1 {
		t.Errorf("the outputs were read %d times", n)
	}
	text := strings.Join(said, "\n")
	for _, want := range []string{
		`a: refused: deployment.targetHost is not set, and deploy.nodes, which is not read, says that the host is "real.example.org"`,
		"bb: refused: deployment.targetHost is not set, and deploy.nodes, which is not read, has no such node",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s\nlacks %q", text, want)
		}
	}
	if strings.Count(text, "--from nixos") != 1 {
		t.Errorf("the advice is not given once:\n%s", text)
	}
	if d := p.find("a").document(); !strings.HasSuffix(d.Error, "by --from nixos") || d.ExitCode != exitRefused {
		t.Errorf("%+v", d)
	}

	w = &world{t: t, others: others, change: unset}
	p = w.run(t.Context(), plan{through: throughActivate, from: "nixos"}, "a", "bb")
	wantCode(t, p, ExitDone)
	if w.did("addresses") {
		t.Error("they were looked at although they do not matter")
	}
	w = &world{t: t, others: others, change: unset}
	p = w.run(t.Context(), plan{through: throughBuild}, "a")
	wantOutcome(t, p, "a", outcomeBuilt)
}

func TestWhatIsNoMachineIsDeployedToOnlyWhenNamed(t *testing.T) {
	all := func(e *flake.Evaluation) { e.Settings.Kind, e.Settings.Addressed = "an ISO image", e.Name == "set" }
	w := &world{t: t, change: all}
	p := w.run(t.Context(), plan{through: throughActivate, named: []string{"bb"}}, "a", "bb", "set")
	wantOutcome(t, p, "a", outcomeSkipped)
	wantOutcome(t, p, "bb", string(wire.Deployed))
	wantOutcome(t, p, "set", string(wire.Deployed))
	wantCode(t, p, ExitDone)
	if r := p.find("a").ended(); r.note != "this is an ISO image: name it, or set deployment.targetHost" || w.did("build a") {
		t.Errorf("%+v, %q", r, w.journal)
	}
	w = &world{t: t, change: all}
	p = w.run(t.Context(), plan{through: throughBuild}, "a")
	wantOutcome(t, p, "a", outcomeBuilt)
}

func TestSystemsThatCannotBeActivatedAreNotBuilt(t *testing.T) {
	for _, goal := range []wire.Goal{wire.Switch, wire.Test, wire.Boot, wire.DryActivate} {
		w := &world{t: t, change: func(e *flake.Evaluation) { e.Settings.NoSwitch = e.Name == "a" }}
		p := w.run(t.Context(), plan{through: throughActivate, goal: goal, keepGoing: true}, "a", "bb")
		wantOutcome(t, p, "a", outcomeEvaluation)
		wantCode(t, p, exitEvaluation)
		if err := p.find("a").ended().err; !errors.Is(err, errNoSwitch) || w.did("build a") || w.did("dial a") || !w.did("dial bb") {
			t.Errorf("%s: %v, %q", goal, err, w.journal)
		}
	}
	for _, todo := range []plan{{through: throughBuild}, {through: throughPush}, {through: throughReach, visit: sendKeys}} {
		w := &world{t: t, change: func(e *flake.Evaluation) { e.Settings.NoSwitch = true }}
		p, _ := w.written(t.Context(), todo, nil, "a")
		wantCode(t, p, ExitDone)
	}
}

func TestEvaluationErrorsComeInOrderWithOneAdvice(t *testing.T) {
	failing := func(name, hint string) error {
		return &flake.EvalError{Node: name, Message: "it throws", Next: hint}
	}
	w := &world{t: t, evalErr: map[string]error{"c": failing("c", "do that"), "a": failing("a", "do this"), "d": failing("d", "do that")}}
	unclear := []flake.Evaluation{{Name: "b", Err: failing("b", "do this")}}
	p, said := w.written(t.Context(), plan{through: throughActivate, goal: wire.Switch}, unclear, "d", "c", "e", "a")
	var want []string
	for _, name := range []string{"a", "b", "c", "d"} {
		want = append(want, fmt.Sprintf("%s: evaluation failed: node %s cannot be evaluated: it throws", name, name))
		if r := p.find(name).ended(); r.note != "node "+name+" cannot be evaluated: it throws" || !strings.Contains(r.err.Error(), "do th") {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if want = append(want, "do that", "do this"); !slices.Equal(said, want) {
		t.Errorf("said %q\nwant %q", said, want)
	}
	wantOutcome(t, p, "e", outcomeHeld)
}
