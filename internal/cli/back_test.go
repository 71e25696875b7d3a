package cli

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"flakeops/activate"
	"flakeops/activate/wire"
	"flakeops/internal/cli/document"
	"flakeops/internal/cli/exit"
	"flakeops/internal/fleet"
	"flakeops/internal/fleet/fleettest"
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
			w := &fleettest.World{ActivateErr: map[string]error{"b": goneBack}, BackErr: map[string]error{"a": err}}
			p := play(t, w, deployCmd{pace: pace{Parallel: 1}, reach: reach{SkipUnreachable: true}, RollbackSucceeded: true, noKeys: noKeys{true}}, "a", "b")
			wantOutcome(t, p, "a", fleet.NotTakenBack)
			wantCode(t, p, exit.Unknown)
			d := document.OfNode(p.Node("a"))
			if d.Old != fleettest.System("old") || d.Deployment == "" || d.TakeBack == "" || d.Deployment == d.TakeBack || d.ExitCode != exit.Unknown {
				t.Errorf("%+v", d)
			}
		})
	}
}

func TestATakeBackKeepsWhatTheDeploymentWas(t *testing.T) {
	w := &fleettest.World{ActivateErr: map[string]error{"b": goneBack}}
	p := play(t, w, deployCmd{pace: pace{Parallel: 1}, RollbackSucceeded: true, noKeys: noKeys{true}}, "a", "b")
	wantOutcome(t, p, "a", fleet.TakenBack)
	if d := document.OfNode(p.Node("a")); d.Old != fleettest.System("old") || d.Deployment == "" || d.TakeBack == "" || d.Deployment == d.TakeBack {
		t.Errorf("%+v", d)
	}
}

// What the host has committed is taken back, though something failed afterwards.
func TestANodeWhoseKeysFailedIsTakenBack(t *testing.T) {
	w := keyedWorld()
	late := w.Settings["a"]
	late.Keys = late.Keys[1:]
	w.Settings["a"] = late
	w.KeysErr = map[string]error{"a": lostLink}
	w.ActivateErr = map[string]error{"b": goneBack}
	p := play(t, w, deployCmd{pace: pace{Parallel: 1, KeepGoing: true}, reach: reach{SkipUnreachable: true}, RollbackSucceeded: true}, "a", "b")
	wantOutcome(t, p, "a", fleet.TakenBack)
	if r := p.Node("a").Result(); exit.OfResult(r) != exit.Push || !strings.Contains(r.Note, string(fleet.KeysFailed)) {
		t.Errorf("%+v", r)
	}
	wantOutcome(t, p, "b", rolledBack)
}

// Until a host is changed, a link that is lost is a host that is not reached; after
// that it says nothing about the step.
func TestALostLinkIsToldByTheStepItWasLostIn(t *testing.T) {
	a := map[string]error{"a": lostLink}
	for name, c := range map[string]struct {
		world   *fleettest.World
		verb    fleetVerb
		outcome fleet.Outcome
		code    int
	}{
		"dialling":    {&fleettest.World{DialErr: a}, deployCmd{pace: pace{Parallel: 1}, noKeys: noKeys{true}}, fleet.Unreachable, exit.Unreachable},
		"facts":       {&fleettest.World{FactsErr: a}, deployCmd{pace: pace{Parallel: 1}, noKeys: noKeys{true}}, fleet.Unreachable, exit.Unreachable},
		"survey":      {&fleettest.World{SurveyErr: a}, planCmd{Parallel: 1}, fleet.Unreachable, exit.Unreachable},
		"push":        {&fleettest.World{PushErr: a}, pushCmd{pace: pace{Parallel: 1}}, fleet.Unreachable, exit.Unreachable},
		"dry":         {&fleettest.World{DryErr: a}, deployCmd{goals: goals{DryActivate: true}, pace: pace{Parallel: 1}, noKeys: noKeys{true}}, fleet.Unreachable, exit.Unreachable},
		"early keys":  {&fleettest.World{KeysErr: a}, deployCmd{pace: pace{Parallel: 1}}, fleet.Unreachable, exit.Unreachable},
		"not started": {&fleettest.World{ActivateErr: map[string]error{"a": &activate.NotStartedError{Err: lostLink}}}, deployCmd{pace: pace{Parallel: 1}, noKeys: noKeys{true}}, fleet.Unreachable, exit.Unreachable},
		"no session": {&fleettest.World{ActivateErr: map[string]error{"a": &activate.NotStartedError{Err: errors.New("open failed")}}}, deployCmd{pace: pace{Parallel: 1}, noKeys: noKeys{true}},
			fleet.Refused, exit.Refused},
		"activation":       {&fleettest.World{ActivateErr: map[string]error{"a": &activate.UnknownOutcomeError{Err: lostLink}}}, deployCmd{pace: pace{Parallel: 1}, noKeys: noKeys{true}}, fleet.Unknown, exit.Unknown},
		"reboot":           {&fleettest.World{BootErr: a}, rebootCmd{Timeout: 60, reach: reach{SkipUnreachable: true}, noKeys: noKeys{true}}, fleet.Unknown, exit.Unknown},
		"keys after boot":  {&fleettest.World{KeysErr: a}, rebootCmd{Timeout: 60, reach: reach{SkipUnreachable: true}}, fleet.KeysFailed, exit.Push},
		"units after boot": {&fleettest.World{UnitsErr: a}, rebootCmd{Timeout: 60, reach: reach{SkipUnreachable: true}, noKeys: noKeys{true}}, fleet.Unknown, exit.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			w := c.world
			w.Settings = keyedWorld().Settings
			p := play(t, w, c.verb, "a")
			wantOutcome(t, p, "a", c.outcome)
			wantCode(t, p, c.code)
		})
	}
}

func TestADryActivationThatFailsShowsWhatItPrinted(t *testing.T) {
	w := &fleettest.World{DryErr: map[string]error{"a": errors.New("exit status 1")}}
	p := play(t, w, deployCmd{goals: goals{DryActivate: true}}, "a")
	wantCode(t, p, exit.Other)
	shown := slices.DeleteFunc(w.Events(), func(e fleet.Event) bool { return e.Kind != fleet.Output })
	if len(shown) != 1 || !strings.Contains(shown[0].Text, "would restart the app") {
		t.Errorf("showed %+v", shown)
	}
}
