package cli

import (
	"strings"
	"testing"

	"flakeops/activate"
	"flakeops/flake"
	"flakeops/internal/cli/exit"
	"flakeops/internal/fleet"
	"flakeops/internal/fleet/fleettest"
	"flakeops/internal/settings"
)

func TestRebootTakesOneHostAfterTheOther(t *testing.T) {
	w := &fleettest.World{}
	p := play(t, w, rebootCmd{Timeout: 60, Parallel: 1}, "a", "b")
	if code := exit.Worst(t.Context(), p); code != exit.Done {
		t.Errorf("exit code %d", code)
	}
	if w.Did("build a") || w.Index(t, "back a") > w.Index(t, "reboot b") {
		t.Errorf("built, or rebooted b before a was Back: %q", w.Journal())
	}
}

func TestRebootStopsAtAHostThatDoesNotComeBackWell(t *testing.T) {
	other := fleettest.OldFacts()
	other.Running = fleettest.System("other")
	for name, c := range map[string]struct {
		world *fleettest.World
		says  string
	}{
		"another system": {&fleettest.World{Back: map[string]activate.Facts{"a": other}}, "its profile is"},
		"failed units":   {&fleettest.World{Failed: map[string][]string{"a": {"web.service"}}}, "web.service"},
	} {
		t.Run(name, func(t *testing.T) {
			w := c.world
			p := play(t, w, rebootCmd{Timeout: 60, Parallel: 1}, "a", "b")
			if code := exit.Worst(t.Context(), p); code != exit.Unknown {
				t.Errorf("exit code %d", code)
			}
			if r := p.Nodes[0].Result(); !strings.Contains(r.Note, c.says) {
				t.Errorf("a ended with %+v", r)
			}
			if w.Did("reboot b") {
				t.Error("b was rebooted all the same")
			}
		})
	}
}

func TestDeployRebootTakesHostsOneByOneAndNotAfterAFailure(t *testing.T) {
	for name, c := range map[string]struct {
		world *fleettest.World
		code  int
		both  bool
	}{
		"well":                    {&fleettest.World{}, exit.Done, true},
		"a does not come back":    {&fleettest.World{Failed: map[string][]string{"a": {"web.service"}}}, exit.Unknown, false},
		"b could not be deployed": {&fleettest.World{ActivateErr: map[string]error{"b": &activate.RefusedError{Reason: "busy"}}}, exit.Refused, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := c.world
			w.Settings = map[string]settings.Settings{"a": withKeys("a"), "b": withKeys("b")}
			p := play(t, w, deployCmd{pace: pace{Parallel: 2}, goals: goals{Reboot: true}}, "a", "b")
			wantCode(t, p, c.code)
			if got := w.Did("reboot b"); got != c.both {
				t.Errorf("b rebooted: %v; %q", got, w.Journal())
			}
			if w.Did("keys pre a") {
				t.Error("keys were sent to a system about to end")
			}
			if c.both && w.Index(t, "keys full a") < w.Index(t, "reboot a") {
				t.Errorf("%q", w.Journal())
			}
		})
	}
}

// A host with nothing new to boot gets the keys that changed all the same; one
// that does not run what it boots gets them with its reboot.
func TestDeployRebootSendsKeysWithoutAReboot(t *testing.T) {
	for running, rebooted := range map[string]bool{fleettest.System("a"): false, fleettest.System("other"): true} {
		w := &fleettest.World{Settings: map[string]settings.Settings{"a": withKeys("a")}}
		facts := fleettest.OldFacts()
		facts.Running, facts.Booted, facts.Profile = running, running, fleettest.System("a")
		back := facts
		back.Running, back.Booted = fleettest.System("a"), fleettest.System("a")
		w.Facts, w.Back = map[string]activate.Facts{"a": facts}, map[string]activate.Facts{"a": back}
		p := play(t, w, deployCmd{pace: pace{Parallel: 1}, goals: goals{Reboot: true}}, "a")
		wantCode(t, p, exit.Done)
		if w.Did("reboot a") != rebooted || strings.Count(strings.Join(w.Journal(), "\n"), "keys full a") != 1 {
			t.Errorf("running %s: %q", running, w.Journal())
		}
	}
}

// Where nothing in the flake tells the platform, the host does.
func TestKeysGoToAHostThatTellsItsPlatform(t *testing.T) {
	w := &fleettest.World{Settings: map[string]settings.Settings{"a": withKeys("a")}}
	w.Change = func(e *flake.Evaluation) { e.Settings.Platform = "" }
	p := play(t, w, sendKeysCmd{}, "a")
	wantCode(t, p, exit.Done)
	w.Index(t, "keys full a")
}

func TestRebootNoWaitOnlyOrders(t *testing.T) {
	w := &fleettest.World{}
	p := play(t, w, rebootCmd{NoWait: true}, "a")
	if w.Did("back a") || p.Nodes[0].Result().Outcome != fleet.RebootOrdered {
		t.Errorf("%q, %+v", w.Journal(), p.Nodes[0].Result())
	}
}
