package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"flakeops/flake"
	"flakeops/internal/cli/document"
	"flakeops/internal/cli/exit"
	"flakeops/internal/fleet"
	"flakeops/internal/fleet/fleettest"
)

func TestNodesWithoutAnAddressAmongOthersAreRefused(t *testing.T) {
	others := []flake.Other{{Output: "deploy.nodes", Nodes: []flake.OtherNode{{Name: "a", Address: "real.example.org"}}}}
	unset := func(e *flake.Evaluation) { e.Settings.Addressed = e.Name == "set" }
	w := &fleettest.World{Others: others, Change: unset}
	p := play(t, w, deployCmd{pace: pace{Parallel: 1, KeepGoing: true}, noKeys: noKeys{true}}, "a", "bb", "set")
	wantOutcome(t, p, "a", fleet.Refused)
	wantOutcome(t, p, "bb", fleet.Refused)
	wantOutcome(t, p, "set", deployed)
	wantCode(t, p, exit.Refused)
	if w.Did("dial a") || w.Did("dial bb") {
		t.Errorf("%q", w.Journal())
	}
	if n := strings.Count(strings.Join(w.Journal(), ","), "addresses"); n != 1 {
		t.Errorf("the outputs were read %d times", n)
	}
	text := strings.Join(said(w), "\n")
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
	if d := document.OfNode(p.Node("a")); !strings.HasSuffix(d.Error, "by --from nixos") || d.ExitCode != exit.Refused {
		t.Errorf("%+v", d)
	}

	w = &fleettest.World{Others: others, Change: unset}
	p = play(t, w, deployCmd{pace: pace{Parallel: 1}, reach: reach{From: "nixos"}, noKeys: noKeys{true}}, "a", "bb")
	wantCode(t, p, exit.Done)
	if w.Did("addresses") {
		t.Error("they were looked at although they do not matter")
	}
	w = &fleettest.World{Others: others, Change: unset}
	p = play(t, w, buildCmd{}, "a")
	wantOutcome(t, p, "a", fleet.Built)
}

func TestWhatIsNoMachineIsDeployedToOnlyWhenNamed(t *testing.T) {
	all := func(e *flake.Evaluation) { e.Settings.Kind, e.Settings.Addressed = "an ISO image", e.Name == "set" }
	w := &fleettest.World{Change: all}
	o := optionsOf(deployCmd{pace: pace{Parallel: 1}})
	o.Named = []string{"bb"}
	p := w.Run(t, o, func(ctx context.Context, r *fleet.Run) { deployCmd{}.steps(ctx, r, nil) }, "a", "bb", "set")
	wantOutcome(t, p, "a", fleet.Skipped)
	wantOutcome(t, p, "bb", deployed)
	wantOutcome(t, p, "set", deployed)
	wantCode(t, p, exit.Done)
	if r := p.Node("a").Result(); r.Note != "this is an ISO image: name it, or set deployment.targetHost" || w.Did("build a") {
		t.Errorf("%+v, %q", r, w.Journal())
	}
	w = &fleettest.World{Change: all}
	p = play(t, w, buildCmd{}, "a")
	wantOutcome(t, p, "a", fleet.Built)
}

func TestSystemsThatCannotBeActivatedAreNotBuilt(t *testing.T) {
	for _, goal := range []goals{{}, {Test: true}, {Boot: true}, {DryActivate: true}} {
		w := &fleettest.World{Change: func(e *flake.Evaluation) { e.Settings.NoSwitch = e.Name == "a" }}
		p := play(t, w, deployCmd{goals: goal, pace: pace{Parallel: 1, KeepGoing: true}}, "a", "bb")
		wantOutcome(t, p, "a", fleet.EvaluationFailed)
		wantCode(t, p, exit.Evaluation)
		if err := p.Node("a").Result().Err; !strings.Contains(err.Error(), "system.switch.enable is false") || w.Did("build a") || w.Did("dial a") || !w.Did("dial bb") {
			t.Errorf("%+v: %v, %q", goal, err, w.Journal())
		}
	}
	for _, todo := range []fleetVerb{buildCmd{}, pushCmd{}, sendKeysCmd{}} {
		w := &fleettest.World{Change: func(e *flake.Evaluation) { e.Settings.NoSwitch = true }}
		p := play(t, w, todo, "a")
		wantCode(t, p, exit.Done)
	}
}

func TestEvaluationErrorsComeInOrderWithOneAdvice(t *testing.T) {
	failing := func(name, hint string) error {
		return &flake.EvalError{Node: name, Message: "it throws", Next: hint}
	}
	w := &fleettest.World{EvalErr: map[string]error{"c": failing("c", "do that"), "a": failing("a", "do this"), "d": failing("d", "do that")}}
	unclear := []flake.Evaluation{{Name: "b", Err: failing("b", "do this")}}
	p := playWith(t, w, deployCmd{pace: pace{Parallel: 1}, noKeys: noKeys{true}}, nil, unclear, "d", "c", "e", "a")
	var want []string
	for _, name := range []string{"a", "b", "c", "d"} {
		want = append(want, fmt.Sprintf("%s: evaluation failed: it throws", name))
		if r := p.Node(name).Result(); r.Note != "it throws" || !strings.Contains(r.Err.Error(), "do th") {
			t.Errorf("%s: %+v", name, r)
		}
	}
	want = append(want, "do that", "do this")
	if got := said(w); !slices.Equal(got, want) {
		t.Errorf("said %q\nwant %q", got, want)
	}
	wantOutcome(t, p, "e", fleet.Held)
}
