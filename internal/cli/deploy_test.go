package cli

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"flakeops/activate"
	"flakeops/activate/wire"
	"flakeops/flake"
	"flakeops/flake/store"
	"flakeops/internal/cli/exit"
	"flakeops/internal/fleet"
	"flakeops/internal/fleet/fleettest"
	"flakeops/internal/remote"
	"flakeops/internal/remote/trust"
	"flakeops/internal/settings"
)

// Who is asked for a passphrase when the run is lost already, is asked no longer.
func TestAFailedEvaluationEndsTheDials(t *testing.T) {
	w := &fleettest.World{EvalErr: map[string]error{"b": &flake.EvalError{Node: "b"}}}
	w.OnDial = func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(30 * time.Second):
			return errors.New("the dial went on")
		}
	}
	p := play(t, w, deployCmd{pace: pace{Parallel: 1}, noKeys: noKeys{true}}, "a", "b")
	wantOutcome(t, p, "a", fleet.Held)
	wantCode(t, p, exit.Evaluation)
}

func TestEveryNodeIsPushedBeforeAnyIsActivated(t *testing.T) {
	w := &fleettest.World{}
	p := play(t, w, deployCmd{pace: pace{Parallel: 2}, noKeys: noKeys{true}}, "a", "b", "c")
	wantCode(t, p, exit.Done)
	for _, pushed := range []string{"push a 2", "push b 2", "push c 2"} {
		for _, node := range []string{"a", "b", "c"} {
			if w.Index(t, pushed) > w.Index(t, "activate "+node+" "+fleettest.System(node)) {
				t.Errorf("%s was activated before %q: %q", node, pushed, w.Journal())
			}
		}
	}
	wantOutcome(t, p, "a", deployed)
	w.Index(t, "close a")
}

func TestANodeIsPushedAsSoonAsItIsBuilt(t *testing.T) {
	w := &fleettest.World{}
	pushed := make(chan struct{})
	w.OnPush = func(node string) {
		if node == "a" {
			close(pushed)
		}
	}
	w.OnBuild = func(node string) {
		if node != "b" {
			return
		}
		select { // b's build goes on until a was pushed
		case <-pushed:
		case <-time.After(10 * time.Second):
			t.Error("a was not pushed while b was building")
		}
	}
	wantCode(t, play(t, w, deployCmd{pace: pace{Parallel: 1}, noKeys: noKeys{true}}, "a", "b"), exit.Done)
}

func TestAFailureHoldsTheOthers(t *testing.T) {
	unreachable := &remote.UnreachableError{Host: "b", Err: errors.New("no route to host")}
	for name, c := range map[string]struct {
		world   *fleettest.World
		outcome fleet.Outcome
		code    int
		not     string // what must not have happened
	}{
		"evaluation":  {&fleettest.World{EvalErr: map[string]error{"b": &flake.EvalError{Node: "b", Message: "it throws"}}}, fleet.EvaluationFailed, exit.Evaluation, "build a"},
		"build":       {&fleettest.World{BuildErr: map[string]error{"b": &store.BuildError{Node: "b"}}}, fleet.BuildFailed, exit.Build, "activate a " + fleettest.System("a")},
		"push":        {&fleettest.World{PushErr: map[string]error{"b": errors.New("disk full")}}, fleet.PushFailed, exit.Push, "activate a " + fleettest.System("a")},
		"unreachable": {&fleettest.World{DialErr: map[string]error{"b": unreachable}}, fleet.Unreachable, exit.Unreachable, "activate a " + fleettest.System("a")},
		"wrong machine": {&fleettest.World{Facts: map[string]activate.Facts{"b": {Running: fleettest.System("old"), Systemd: 252, Nix: "2.8", Machine: "Linux pdp11"}}},
			fleet.Failed, exit.Other, "activate a " + fleettest.System("a")},
	} {
		t.Run(name, func(t *testing.T) {
			w := c.world
			p := play(t, w, deployCmd{pace: pace{Parallel: 1}, noKeys: noKeys{true}}, "a", "b")
			wantOutcome(t, p, "b", c.outcome)
			wantOutcome(t, p, "a", fleet.Held)
			wantCode(t, p, c.code)
			if w.Did(c.not) {
				t.Errorf("%q happened", c.not)
			}

			w.Forget()
			p = play(t, w, deployCmd{pace: pace{Parallel: 1, KeepGoing: true}, noKeys: noKeys{true}}, "a", "b")
			wantOutcome(t, p, "b", c.outcome)
			wantOutcome(t, p, "a", deployed)
			wantCode(t, p, c.code)
		})
	}
}

func TestEveryEvaluationErrorIsReported(t *testing.T) {
	w := &fleettest.World{EvalErr: map[string]error{"a": &flake.EvalError{Node: "a"}, "c": &flake.EvalError{Node: "c"}}}
	p := play(t, w, deployCmd{pace: pace{Parallel: 1}, noKeys: noKeys{true}}, "a", "b", "c")
	wantOutcome(t, p, "a", fleet.EvaluationFailed)
	wantOutcome(t, p, "b", fleet.Held)
	wantOutcome(t, p, "c", fleet.EvaluationFailed)
}

func TestATreeThatChangedStopsTheRun(t *testing.T) {
	w := &fleettest.World{Unchanged: errors.New("the tree changed")}
	p := play(t, w, deployCmd{pace: pace{Parallel: 1, KeepGoing: true}, noKeys: noKeys{true}}, "a", "b")
	wantCode(t, p, exit.Evaluation)
	if w.Did("build a") || w.Did("build b") {
		t.Errorf("built: %q", w.Journal())
	}
}

func TestSkipUnreachable(t *testing.T) {
	w := &fleettest.World{DialErr: map[string]error{"b": &remote.UnreachableError{Host: "b", Err: errors.New("gone")}}}
	p := play(t, w, deployCmd{pace: pace{Parallel: 1}, reach: reach{SkipUnreachable: true}, noKeys: noKeys{true}}, "a", "b")
	wantOutcome(t, p, "a", deployed)
	wantOutcome(t, p, "b", fleet.Skipped)
	wantCode(t, p, exit.Done)

	// A key that changed is not a host that is not there.
	w = &fleettest.World{DialErr: map[string]error{"b": &trust.HostKeyError{Host: "b"}}}
	p = play(t, w, deployCmd{pace: pace{Parallel: 1}, reach: reach{SkipUnreachable: true}, noKeys: noKeys{true}}, "a", "b")
	wantOutcome(t, p, "b", fleet.Refused)
	wantCode(t, p, exit.Refused)
}

func TestUpToDateRunsNothing(t *testing.T) {
	current := fleettest.OldFacts()
	current.Running, current.Profile = fleettest.System("a"), fleettest.System("a")
	w := &fleettest.World{Facts: map[string]activate.Facts{"a": current}}
	p := play(t, w, deployCmd{pace: pace{Parallel: 1}, noKeys: noKeys{true}}, "a")
	wantOutcome(t, p, "a", fleet.UpToDate)
	wantCode(t, p, exit.Done)
	for _, entry := range w.Journal() {
		if strings.HasPrefix(entry, "push") || strings.HasPrefix(entry, "activate") {
			t.Errorf("%q happened", entry)
		}
	}
}

func TestWhatIsThereIsNotPushed(t *testing.T) {
	there := fleettest.OldFacts()
	there.Present = map[string]bool{fleettest.System("a"): true, fleettest.Agent(): true}
	w := &fleettest.World{Facts: map[string]activate.Facts{"a": there}}
	p := play(t, w, deployCmd{pace: pace{Parallel: 1}, noKeys: noKeys{true}}, "a")
	wantOutcome(t, p, "a", deployed)
	if w.Did("push a 2") || w.Did("push a 1") || w.Did("push a 0") {
		t.Errorf("pushed: %q", w.Journal())
	}
}

func TestActivationFailureStopsNewActivations(t *testing.T) {
	gone := &activate.OutcomeError{Event: wire.Event{Outcome: wire.RolledBack, Message: "units failed"}}
	w := &fleettest.World{ActivateErr: map[string]error{"a": gone}}
	p := play(t, w, deployCmd{pace: pace{Parallel: 1}, noKeys: noKeys{true}}, "a", "b")
	wantOutcome(t, p, "a", rolledBack)
	wantOutcome(t, p, "b", fleet.Held)
	wantCode(t, p, exit.RolledBack)

	w.Forget()
	p = play(t, w, deployCmd{pace: pace{Parallel: 1, KeepGoing: true}, noKeys: noKeys{true}}, "a", "b")
	wantOutcome(t, p, "b", deployed)
	wantCode(t, p, exit.RolledBack)
}

func TestRollbackSucceeded(t *testing.T) {
	gone := &activate.OutcomeError{Event: wire.Event{Outcome: wire.RolledBack}}
	w := &fleettest.World{ActivateErr: map[string]error{"b": gone}}
	p := play(t, w, deployCmd{pace: pace{Parallel: 1}, RollbackSucceeded: true, noKeys: noKeys{true}}, "a", "b")
	wantOutcome(t, p, "a", fleet.TakenBack)
	wantOutcome(t, p, "b", rolledBack)
	wantCode(t, p, exit.RolledBack)
	if w.Index(t, "activate a "+fleettest.System("old")) < w.Index(t, "activate b "+fleettest.System("b")) {
		t.Errorf("a was taken back before b failed: %q", w.Journal())
	}
}

func TestInterruption(t *testing.T) {
	w := &fleettest.World{ActivateErr: map[string]error{"a": &activate.OutcomeError{Event: wire.Event{Outcome: wire.RolledBack}}}}
	w.OnActivate = func(string) { w.Interrupt() }
	p := play(t, w, deployCmd{pace: pace{Parallel: 1}, noKeys: noKeys{true}}, "a", "b")
	wantOutcome(t, p, "a", rolledBack)
	wantOutcome(t, p, "b", fleet.Interrupted)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code := exit.Worst(ctx, p); code != exit.Interrupted {
		t.Errorf("exit code %d", code)
	}
}

func TestDryActivateSendsNoAgent(t *testing.T) {
	w := &fleettest.World{}
	p := play(t, w, deployCmd{goals: goals{DryActivate: true}, pace: pace{Parallel: 1}, noKeys: noKeys{true}}, "a")
	wantOutcome(t, p, "a", fleet.DryActivated)
	w.Index(t, "push a 1")
	w.Index(t, "dry a")
	if len(p.Node("a").Dry) != 1 {
		t.Errorf("the answer was lost: %q", p.Node("a").Dry)
	}
}

func TestBuildOnTarget(t *testing.T) {
	w := &fleettest.World{Settings: map[string]settings.Settings{"a": {TargetHost: new("a"), BuildOnTarget: true, ActivationTimeout: 1}}}
	p := play(t, w, deployCmd{pace: pace{Parallel: 1}, noKeys: noKeys{true}}, "a")
	wantOutcome(t, p, "a", deployed)
	if w.Did("build a") {
		t.Error("built here")
	}
	if w.Index(t, "push derivation a 1") > w.Index(t, "realise a") || w.Index(t, "realise a") > w.Index(t, "push a 1") {
		t.Errorf("wrong order: %q", w.Journal())
	}

	w = &fleettest.World{Settings: w.Settings, BuildErr: map[string]error{"a": errors.New("exit status 1")}}
	p = play(t, w, deployCmd{pace: pace{Parallel: 1}, noKeys: noKeys{true}}, "a")
	wantCode(t, p, exit.Build)
}

func TestNodesWithoutATarget(t *testing.T) {
	w := &fleettest.World{Settings: map[string]settings.Settings{"image": {}}}
	p := play(t, w, deployCmd{pace: pace{Parallel: 1}, noKeys: noKeys{true}}, "image", "web")
	wantOutcome(t, p, "image", fleet.Skipped)
	wantOutcome(t, p, "web", deployed)
	wantCode(t, p, exit.Done)

	o := optionsOf(deployCmd{})
	o.Named = []string{"image"}
	p = w.Run(t, o, func(ctx context.Context, r *fleet.Run) { deployCmd{}.steps(ctx, r, nil) }, "image")
	wantOutcome(t, p, "image", fleet.Failed)
	wantCode(t, p, exit.Other)

	p = play(t, w, buildCmd{}, "image")
	wantOutcome(t, p, "image", fleet.Built)
}

func TestPushStopsBeforeActivation(t *testing.T) {
	w := &fleettest.World{}
	p := play(t, w, pushCmd{pace: pace{Parallel: 1}}, "a")
	wantOutcome(t, p, "a", fleet.Pushed)
	w.Index(t, "push a 1") // the system, without an agent
	if w.Did("activate a " + fleettest.System("a")) {
		t.Error("activated")
	}
}

func TestABuildThatFailsAsAWhole(t *testing.T) {
	w := &fleettest.World{RunErr: errors.New("nix-store not found")}
	p := play(t, w, buildCmd{}, "a", "b")
	wantOutcome(t, p, "a", fleet.BuildFailed)
	wantCode(t, p, exit.Build)
}

func TestOverridesReachTheAgent(t *testing.T) {
	w := &fleettest.World{}
	p := play(t, w, deployCmd{pace: pace{Parallel: 1}, noKeys: noKeys{true}, overrides: overrides{MagicRollback: new(false), ConfirmTimeout: new(7)}}, "a")
	if d := p.Node("a").Settings; d.MagicRollback || d.ConfirmTimeout != 7 || !d.AutoRollback || d.ActivationTimeout != 300 {
		t.Errorf("settings %+v", d)
	}
}

func TestANoteDoesNotRepeatWhatStandsBesideIt(t *testing.T) {
	w := &fleettest.World{
		DialErr:     map[string]error{"a": &remote.UnreachableError{Host: "a", Err: errors.New("no answer")}},
		ActivateErr: map[string]error{"b": &activate.OutcomeError{Event: wire.Event{Outcome: wire.RolledBack, Message: "a unit failed"}}},
	}
	p := play(t, w, deployCmd{pace: pace{Parallel: 1, KeepGoing: true}, noKeys: noKeys{true}}, "a", "b")
	if note := p.Node("a").Result().Note; strings.HasPrefix(note, "a:") || !strings.Contains(note, "no answer") {
		t.Errorf("unreachable: %q", note)
	}
	if told := p.Node("b").Result().String(); told != "rolled back: a unit failed" {
		t.Errorf("rolled back: %q", told)
	}
}

// What is to be pushed must not be garbage collected before it is.
func TestWhatIsPushedIsRootedBefore(t *testing.T) {
	w := &fleettest.World{Settings: map[string]settings.Settings{"b": withKeys("b")}}
	there := w.Settings["b"]
	there.Keys, there.BuildOnTarget = nil, true
	w.Settings["b"] = there
	play(t, w, deployCmd{pace: pace{Parallel: 1}, noKeys: noKeys{true}}, "a", "b")
	for node, root := range map[string]string{"a": "keep system-a", "b": "keep drv-b"} {
		if w.Index(t, root) > w.Index(t, "activate "+node+" "+fleettest.System(node)) {
			t.Errorf("%s is rooted too late: %q", node, w.Journal())
		}
	}
}
