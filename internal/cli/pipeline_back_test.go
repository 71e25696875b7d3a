package cli

import (
	"errors"
	"os"
	"strings"
	"testing"

	"flakeops/activate"
	"flakeops/activate/wire"
	"flakeops/internal/remote/sessions"
	"flakeops/internal/run"
)

var (
	goneBack = &activate.OutcomeError{Event: wire.Event{Outcome: wire.RolledBack, Message: "units failed"}}
	lostLink = &run.Error{Argv: []string{"agent"}, Code: -1, Err: &sessions.LostError{Host: "a", Err: os.ErrClosed}}
)

// A take-back that fails leaves the host with the new system, whatever became of
// the deployment that was to take it back.
func TestATakeBackThatFailsIsNoRollback(t *testing.T) {
	for name, err := range map[string]error{
		"it was rolled back": goneBack, "refused": &activate.RefusedError{Reason: "busy"}, "lost": lostLink,
		"unknown": &activate.UnknownOutcomeError{ID: "1", Err: os.ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{t: t, activateErr: map[string]error{"b": goneBack}, backErr: map[string]error{"a": err}}
			p := w.run(t.Context(), plan{through: throughActivate, parallel: 1, rollbackSucceeded: true, skipUnreachable: true}, "a", "b")
			wantOutcome(t, p, "a", outcomeNotBack)
			wantCode(t, p, exitUnknown)
			d := p.find("a").document()
			if d.Old != system("old") || d.Deployment == "" || d.TakeBack == "" || d.Deployment == d.TakeBack || d.ExitCode != exitUnknown {
				t.Errorf("%+v", d)
			}
		})
	}
}

func TestATakeBackKeepsWhatTheDeploymentWas(t *testing.T) {
	w := &world{t: t, activateErr: map[string]error{"b": goneBack}}
	p := w.run(t.Context(), plan{through: throughActivate, parallel: 1, rollbackSucceeded: true}, "a", "b")
	wantOutcome(t, p, "a", outcomeTakenBack)
	if d := p.find("a").document(); d.Old != system("old") || d.Deployment == "" || d.TakeBack == "" || d.Deployment == d.TakeBack {
		t.Errorf("%+v", d)
	}
}

// What the host has committed is taken back, though something failed afterwards.
func TestANodeWhoseKeysFailedIsTakenBack(t *testing.T) {
	w := keyedWorld(t)
	late := w.deployment["a"]
	late.Keys = late.Keys[1:]
	w.deployment["a"] = late
	w.keysErr = map[string]error{"a": lostLink}
	w.activateErr = map[string]error{"b": goneBack}
	p := w.run(t.Context(), plan{through: throughActivate, parallel: 1, keys: true, keepGoing: true, rollbackSucceeded: true, skipUnreachable: true}, "a", "b")
	wantOutcome(t, p, "a", outcomeTakenBack)
	if r := p.find("a").ended(); r.code != exitPush || !strings.Contains(r.note, outcomeKeys) {
		t.Errorf("%+v", r)
	}
	wantOutcome(t, p, "b", string(wire.RolledBack))
}

// Until a host is changed, a link that is lost is a host that is not reached; after
// that it says nothing about the step.
func TestALostLinkIsToldByTheStepItWasLostIn(t *testing.T) {
	a := map[string]error{"a": lostLink}
	for name, c := range map[string]struct {
		world   *world
		plan    plan
		outcome string
		code    int
	}{
		"dialling":    {&world{dialErr: a}, plan{through: throughActivate}, outcomeUnreachable, exitUnreachable},
		"facts":       {&world{factsErr: a}, plan{through: throughActivate}, outcomeUnreachable, exitUnreachable},
		"survey":      {&world{surveyErr: a}, plan{through: throughReach, surveys: true}, outcomeUnreachable, exitUnreachable},
		"push":        {&world{pushErr: a}, plan{through: throughPush}, outcomeUnreachable, exitUnreachable},
		"dry":         {&world{dryErr: a}, plan{through: throughActivate, goal: wire.DryActivate}, outcomeUnreachable, exitUnreachable},
		"early keys":  {&world{keysErr: a}, plan{through: throughActivate, keys: true}, outcomeUnreachable, exitUnreachable},
		"not started": {&world{activateErr: map[string]error{"a": &activate.NotStartedError{Err: lostLink}}}, plan{through: throughActivate}, outcomeUnreachable, exitUnreachable},
		"no session": {&world{activateErr: map[string]error{"a": &activate.NotStartedError{Err: errors.New("open failed")}}}, plan{through: throughActivate},
			outcomeRefused, exitRefused},
		"activation":       {&world{activateErr: map[string]error{"a": &activate.UnknownOutcomeError{Err: lostLink}}}, plan{through: throughActivate}, outcomeUnknown, exitUnknown},
		"reboot":           {&world{bootErr: a}, plan{through: throughReach, skipUnreachable: true, visit: rebootCmd{Timeout: 60}.reboot}, outcomeUnknown, exitUnknown},
		"keys after boot":  {&world{keysErr: a}, plan{through: throughReach, skipUnreachable: true, keys: true, visit: rebootCmd{Timeout: 60}.reboot}, outcomeKeys, exitPush},
		"units after boot": {&world{unitsErr: a}, plan{through: throughReach, skipUnreachable: true, visit: rebootCmd{Timeout: 60}.reboot}, outcomeUnknown, exitUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			w := c.world
			w.t, w.deployment = t, keyedWorld(t).deployment
			c.plan.parallel = 1
			p := w.run(t.Context(), c.plan, "a")
			wantOutcome(t, p, "a", c.outcome)
			wantCode(t, p, c.code)
		})
	}
}

func TestADryActivationThatFailsShowsWhatItPrinted(t *testing.T) {
	w := &world{t: t, dryErr: map[string]error{"a": errors.New("exit status 1")}}
	s := &noted{}
	w.screen = s
	p := w.run(t.Context(), plan{through: throughActivate, goal: wire.DryActivate}, "a")
	wantCode(t, p, exitOther)
	if len(s.lines) != 1 || !strings.Contains(s.lines[0], "would restart the app") {
		t.Errorf("showed %q", s.lines)
	}
}

// noted is a screen of which the lines are kept.
type noted struct {
	silence
	lines []string
}

func (s *noted) Line(_, line string) { s.lines = append(s.lines, line) }
