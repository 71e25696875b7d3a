package cli

import (
	"errors"
	"strings"
	"testing"

	"flakeops/activate"
	"flakeops/activate/wire"
	"flakeops/flake"
	"flakeops/internal/settings"
)

func rebootPlan(c rebootCmd) plan {
	return plan{through: throughReach, want: flake.SettingsOnly, parallel: 1, keepGoing: c.KeepGoing, visit: c.reboot}
}

func TestRebootTakesOneHostAfterTheOther(t *testing.T) {
	w := &world{t: t}
	p := w.run(t.Context(), rebootPlan(rebootCmd{Timeout: 60}), "a", "b")
	if code := p.worst(t.Context()); code != ExitDone {
		t.Errorf("exit code %d", code)
	}
	if w.did("build a") || w.index("back a") > w.index("reboot b") {
		t.Errorf("built, or rebooted b before a was back: %q", w.journal)
	}
}

func TestRebootStopsAtAHostThatDoesNotComeBackWell(t *testing.T) {
	other := oldFacts()
	other.Running = system("other")
	for name, c := range map[string]struct {
		world *world
		says  string
	}{
		"another system": {&world{back: map[string]activate.Facts{"a": other}}, "its profile is"},
		"failed units":   {&world{failedUnits: map[string][]string{"a": {"web.service"}}}, "web.service"},
	} {
		t.Run(name, func(t *testing.T) {
			w := c.world
			w.t = t
			p := w.run(t.Context(), rebootPlan(rebootCmd{Timeout: 60}), "a", "b")
			if code := p.worst(t.Context()); code != exitUnknown {
				t.Errorf("exit code %d", code)
			}
			if r := p.nodes[0].ended(); !strings.Contains(r.note, c.says) {
				t.Errorf("a ended with %+v", r)
			}
			if w.did("reboot b") {
				t.Error("b was rebooted all the same")
			}
		})
	}
}

func TestDeployRebootTakesHostsOneByOneAndNotAfterAFailure(t *testing.T) {
	for name, c := range map[string]struct {
		world *world
		code  int
		both  bool
	}{
		"well":                    {&world{}, ExitDone, true},
		"a does not come back":    {&world{failedUnits: map[string][]string{"a": {"web.service"}}}, exitUnknown, false},
		"b could not be deployed": {&world{activateErr: map[string]error{"b": errors.New("refused")}}, exitOther, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := c.world
			w.t = t
			w.deployment = map[string]settings.Settings{"a": withKeys("a"), "b": withKeys("b")}
			p := w.run(t.Context(), plan{
				through: throughActivate, goal: wire.Boot, parallel: 2, keys: true, reboot: rebootCmd{Timeout: 60}.reboot,
			}, "a", "b")
			wantCode(t, p, c.code)
			if got := w.did("reboot b"); got != c.both {
				t.Errorf("b rebooted: %v; %q", got, w.journal)
			}
			if w.did("keys pre a") {
				t.Error("keys were sent to a system about to end")
			}
			if c.both && w.index("keys full a") < w.index("reboot a") {
				t.Errorf("%q", w.journal)
			}
		})
	}
}

// A host with nothing new to boot gets the keys that changed all the same; one
// that does not run what it boots gets them with its reboot.
func TestDeployRebootSendsKeysWithoutAReboot(t *testing.T) {
	for running, rebooted := range map[string]bool{system("a"): false, system("other"): true} {
		w := &world{t: t, deployment: map[string]settings.Settings{"a": withKeys("a")}}
		facts := oldFacts()
		facts.Running, facts.Booted, facts.Profile = running, running, system("a")
		back := facts
		back.Running, back.Booted = system("a"), system("a")
		w.facts, w.back = map[string]activate.Facts{"a": facts}, map[string]activate.Facts{"a": back}
		p := w.run(t.Context(), plan{
			through: throughActivate, goal: wire.Boot, parallel: 1, keys: true, reboot: rebootCmd{Timeout: 60}.reboot,
		}, "a")
		wantCode(t, p, ExitDone)
		if w.did("reboot a") != rebooted || strings.Count(strings.Join(w.journal, "\n"), "keys full a") != 1 {
			t.Errorf("running %s: %q", running, w.journal)
		}
	}
}

// Where nothing in the flake tells the platform, the host does.
func TestKeysGoToAHostThatTellsItsPlatform(t *testing.T) {
	w := &world{t: t, deployment: map[string]settings.Settings{"a": withKeys("a")}}
	w.change = func(e *flake.Evaluation) { e.Settings.Platform = "" }
	p := w.run(t.Context(), plan{through: throughReach, want: flake.SettingsOnly, keys: true, visit: sendKeys}, "a")
	wantCode(t, p, ExitDone)
	w.index("keys full a")
}

func TestRebootNoWaitOnlyOrders(t *testing.T) {
	w := &world{t: t}
	p := w.run(t.Context(), rebootPlan(rebootCmd{NoWait: true}), "a")
	if w.did("back a") || p.nodes[0].ended().outcome != outcomeOrdered {
		t.Errorf("%q, %+v", w.journal, p.nodes[0].ended())
	}
}
