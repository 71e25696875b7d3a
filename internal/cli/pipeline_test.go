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
	"flakeops/internal/fault"
	"flakeops/internal/remote"
	"flakeops/internal/remote/trust"
	"flakeops/internal/settings"
)

// Who is asked for a passphrase when the run is lost already, is asked no longer.
func TestAFailedEvaluationEndsTheDials(t *testing.T) {
	w := &world{evalErr: map[string]error{"b": &flake.EvalError{Node: "b"}}}
	w.onDial = func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(30 * time.Second):
			return errors.New("the dial went on")
		}
	}
	p := w.run(t.Context(), plan{through: throughActivate}, "a", "b")
	wantOutcome(t, p, "a", outcomeHeld)
	wantCode(t, p, exitEvaluation)
}

func TestEveryNodeIsPushedBeforeAnyIsActivated(t *testing.T) {
	w := &world{t: t}
	p := w.run(t.Context(), plan{through: throughActivate, parallel: 2}, "a", "b", "c")
	wantCode(t, p, ExitDone)
	for _, pushed := range []string{"push a 2", "push b 2", "push c 2"} {
		for _, node := range []string{"a", "b", "c"} {
			if w.index(pushed) > w.index("activate "+node+" "+system(node)) {
				t.Errorf("%s was activated before %q: %q", node, pushed, w.journal)
			}
		}
	}
	wantOutcome(t, p, "a", string(wire.Deployed))
	w.index("close a")
}

func TestANodeIsPushedAsSoonAsItIsBuilt(t *testing.T) {
	w := &world{t: t}
	pushed := make(chan struct{})
	w.onPush = func(node string) {
		if node == "a" {
			close(pushed)
		}
	}
	w.onBuild = func(node string) {
		if node != "b" {
			return
		}
		select { // b's build goes on until a was pushed
		case <-pushed:
		case <-time.After(10 * time.Second):
			t.Error("a was not pushed while b was building")
		}
	}
	wantCode(t, w.run(t.Context(), plan{through: throughActivate}, "a", "b"), ExitDone)
}

func TestAFailureHoldsTheOthers(t *testing.T) {
	unreachable := &remote.UnreachableError{Host: "b", Err: errors.New("no route to host")}
	for name, c := range map[string]struct {
		world   *world
		outcome string
		code    int
		not     string // what must not have happened
	}{
		"evaluation":  {&world{evalErr: map[string]error{"b": &flake.EvalError{Node: "b", Message: "it throws"}}}, outcomeEvaluation, exitEvaluation, "build a"},
		"build":       {&world{buildErr: map[string]error{"b": &flake.BuildError{Node: "b"}}}, outcomeBuild, exitBuild, "activate a " + system("a")},
		"push":        {&world{pushErr: map[string]error{"b": errors.New("disk full")}}, outcomePush, exitPush, "activate a " + system("a")},
		"unreachable": {&world{dialErr: map[string]error{"b": unreachable}}, outcomeUnreachable, exitUnreachable, "activate a " + system("a")},
		"wrong machine": {&world{facts: map[string]activate.Facts{"b": {Running: system("old"), Systemd: 252, Nix: "2.8", Machine: "Linux pdp11"}}},
			outcomeFailed, exitOther, "activate a " + system("a")},
	} {
		t.Run(name, func(t *testing.T) {
			w := c.world
			w.t = t
			p := w.run(t.Context(), plan{through: throughActivate}, "a", "b")
			wantOutcome(t, p, "b", c.outcome)
			wantOutcome(t, p, "a", outcomeHeld)
			wantCode(t, p, c.code)
			if w.did(c.not) {
				t.Errorf("%q happened", c.not)
			}

			w.journal = nil
			p = w.run(t.Context(), plan{through: throughActivate, keepGoing: true}, "a", "b")
			wantOutcome(t, p, "b", c.outcome)
			wantOutcome(t, p, "a", string(wire.Deployed))
			wantCode(t, p, c.code)
		})
	}
}

func TestEveryEvaluationErrorIsReported(t *testing.T) {
	w := &world{t: t, evalErr: map[string]error{"a": &flake.EvalError{Node: "a"}, "c": &flake.EvalError{Node: "c"}}}
	p := w.run(t.Context(), plan{through: throughActivate}, "a", "b", "c")
	wantOutcome(t, p, "a", outcomeEvaluation)
	wantOutcome(t, p, "b", outcomeHeld)
	wantOutcome(t, p, "c", outcomeEvaluation)
}

func TestATreeThatChangedStopsTheRun(t *testing.T) {
	w := &world{t: t, unchanged: errors.New("the tree changed")}
	p := w.run(t.Context(), plan{through: throughActivate, keepGoing: true}, "a", "b")
	wantCode(t, p, exitEvaluation)
	if w.did("build a") || w.did("build b") {
		t.Errorf("built: %q", w.journal)
	}
}

func TestSkipUnreachable(t *testing.T) {
	w := &world{t: t, dialErr: map[string]error{"b": &remote.UnreachableError{Host: "b", Err: errors.New("gone")}}}
	p := w.run(t.Context(), plan{through: throughActivate, skipUnreachable: true}, "a", "b")
	wantOutcome(t, p, "a", string(wire.Deployed))
	wantOutcome(t, p, "b", outcomeSkipped)
	wantCode(t, p, ExitDone)

	// A key that changed is not a host that is not there.
	w = &world{t: t, dialErr: map[string]error{"b": &trust.HostKeyError{Host: "b"}}}
	p = w.run(t.Context(), plan{through: throughActivate, skipUnreachable: true}, "a", "b")
	wantOutcome(t, p, "b", outcomeRefused)
	wantCode(t, p, exitRefused)
}

func TestUpToDateRunsNothing(t *testing.T) {
	current := oldFacts()
	current.Running, current.Profile = system("a"), system("a")
	w := &world{t: t, facts: map[string]activate.Facts{"a": current}}
	p := w.run(t.Context(), plan{through: throughActivate}, "a")
	wantOutcome(t, p, "a", outcomeUpToDate)
	wantCode(t, p, ExitDone)
	for _, entry := range w.journal {
		if strings.HasPrefix(entry, "push") || strings.HasPrefix(entry, "activate") {
			t.Errorf("%q happened", entry)
		}
	}
}

func TestWhatIsThereIsNotPushed(t *testing.T) {
	there := oldFacts()
	there.Present = map[string]bool{system("a"): true, system("agent"): true}
	w := &world{t: t, facts: map[string]activate.Facts{"a": there}}
	p := w.run(t.Context(), plan{through: throughActivate}, "a")
	wantOutcome(t, p, "a", string(wire.Deployed))
	if w.did("push a 2") || w.did("push a 1") || w.did("push a 0") {
		t.Errorf("pushed: %q", w.journal)
	}
}

func TestActivationFailureStopsNewActivations(t *testing.T) {
	rolledBack := &activate.OutcomeError{Event: wire.Event{Outcome: wire.RolledBack, Message: "units failed"}}
	w := &world{t: t, activateErr: map[string]error{"a": rolledBack}}
	p := w.run(t.Context(), plan{through: throughActivate, parallel: 1}, "a", "b")
	wantOutcome(t, p, "a", string(wire.RolledBack))
	wantOutcome(t, p, "b", outcomeHeld)
	wantCode(t, p, exitRolledBack)

	w.journal = nil
	p = w.run(t.Context(), plan{through: throughActivate, parallel: 1, keepGoing: true}, "a", "b")
	wantOutcome(t, p, "b", string(wire.Deployed))
	wantCode(t, p, exitRolledBack)
}

func TestRollbackSucceeded(t *testing.T) {
	rolledBack := &activate.OutcomeError{Event: wire.Event{Outcome: wire.RolledBack}}
	w := &world{t: t, activateErr: map[string]error{"b": rolledBack}}
	p := w.run(t.Context(), plan{through: throughActivate, parallel: 1, rollbackSucceeded: true}, "a", "b")
	wantOutcome(t, p, "a", outcomeTakenBack)
	wantOutcome(t, p, "b", string(wire.RolledBack))
	wantCode(t, p, exitRolledBack)
	if w.index("activate a "+system("old")) < w.index("activate b "+system("b")) {
		t.Errorf("a was taken back before b failed: %q", w.journal)
	}
}

func TestInterruption(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	w := &world{t: t, activateErr: map[string]error{"a": &activate.OutcomeError{Event: wire.Event{Outcome: wire.RolledBack}}}}
	w.onActivate = func(ctx context.Context, _ string) {
		cancel(fault.ErrInterrupted)
		<-ctx.Done()
	}
	p := w.run(ctx, plan{through: throughActivate, parallel: 1}, "a", "b")
	wantOutcome(t, p, "a", string(wire.RolledBack))
	wantOutcome(t, p, "b", outcomeInterrupted)
	if code := p.worst(ctx); code != ExitInterrupted {
		t.Errorf("exit code %d", code)
	}
}

func TestDryActivateSendsNoAgent(t *testing.T) {
	w := &world{t: t}
	p := w.run(t.Context(), plan{through: throughActivate, goal: wire.DryActivate}, "a")
	wantOutcome(t, p, "a", outcomeDry)
	w.index("push a 1")
	w.index("dry a")
	if len(p.find("a").dry) != 1 {
		t.Errorf("the answer was lost: %q", p.find("a").dry)
	}
}

func TestBuildOnTarget(t *testing.T) {
	w := &world{t: t, deployment: map[string]settings.Settings{"a": {TargetHost: new("a"), BuildOnTarget: true, ActivationTimeout: 1}}}
	p := w.run(t.Context(), plan{through: throughActivate}, "a")
	wantOutcome(t, p, "a", string(wire.Deployed))
	if w.did("build a") {
		t.Error("built here")
	}
	if w.index("push derivation a 1") > w.index("realise a") || w.index("realise a") > w.index("push a 1") {
		t.Errorf("wrong order: %q", w.journal)
	}

	w = &world{t: t, deployment: w.deployment, buildErr: map[string]error{"a": errors.New("exit status 1")}}
	p = w.run(t.Context(), plan{through: throughActivate}, "a")
	wantCode(t, p, exitBuild)
}

func TestNodesWithoutATarget(t *testing.T) {
	w := &world{t: t, deployment: map[string]settings.Settings{"image": {}}}
	p := w.run(t.Context(), plan{through: throughActivate}, "image", "web")
	wantOutcome(t, p, "image", outcomeSkipped)
	wantOutcome(t, p, "web", string(wire.Deployed))
	wantCode(t, p, ExitDone)

	p = w.run(t.Context(), plan{through: throughActivate, named: []string{"image"}}, "image")
	wantOutcome(t, p, "image", outcomeFailed)
	wantCode(t, p, exitOther)

	p = w.run(t.Context(), plan{through: throughBuild}, "image")
	wantOutcome(t, p, "image", outcomeBuilt)
}

func TestPushStopsBeforeActivation(t *testing.T) {
	w := &world{t: t}
	p := w.run(t.Context(), plan{through: throughPush}, "a")
	wantOutcome(t, p, "a", outcomePushed)
	w.index("push a 1") // the system, without an agent
	if w.did("activate a " + system("a")) {
		t.Error("activated")
	}
}

func TestABuildThatFailsAsAWhole(t *testing.T) {
	w := &world{t: t, runErr: errors.New("nix-store not found")}
	p := w.run(t.Context(), plan{through: throughBuild}, "a", "b")
	wantOutcome(t, p, "a", outcomeBuild)
	wantCode(t, p, exitBuild)
}

func TestOverridesReachTheAgent(t *testing.T) {
	w := &world{t: t}
	p := w.run(t.Context(), plan{through: throughActivate, override: overrides{MagicRollback: new(false), ConfirmTimeout: new(7)}}, "a")
	if d := p.find("a").settings; d.MagicRollback || d.ConfirmTimeout != 7 || !d.AutoRollback || d.ActivationTimeout != 300 {
		t.Errorf("settings %+v", d)
	}
}

func TestANoteDoesNotRepeatWhatStandsBesideIt(t *testing.T) {
	w := &world{t: t,
		dialErr:     map[string]error{"a": &remote.UnreachableError{Host: "a", Err: errors.New("no answer")}},
		activateErr: map[string]error{"b": &activate.OutcomeError{Event: wire.Event{Outcome: wire.RolledBack, Message: "a unit failed"}}},
	}
	p := w.run(t.Context(), plan{through: throughActivate, keepGoing: true}, "a", "b")
	if note := p.find("a").ended().note; strings.HasPrefix(note, "a:") || !strings.Contains(note, "no answer") {
		t.Errorf("unreachable: %q", note)
	}
	if told := p.find("b").ended().told(); told != "rolled back: a unit failed" {
		t.Errorf("rolled back: %q", told)
	}
}

// What is to be pushed must not be garbage collected before it is.
func TestWhatIsPushedIsRootedBefore(t *testing.T) {
	w := &world{t: t, deployment: map[string]settings.Settings{"b": withKeys("b")}}
	there := w.deployment["b"]
	there.Keys, there.BuildOnTarget = nil, true
	w.deployment["b"] = there
	w.run(t.Context(), plan{through: throughActivate, parallel: 1}, "a", "b")
	for node, root := range map[string]string{"a": "keep system-a", "b": "keep drv-b"} {
		if w.index(root) > w.index("activate "+node+" "+system(node)) {
			t.Errorf("%s is rooted too late: %q", node, w.journal)
		}
	}
}
