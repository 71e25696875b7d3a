package cli

import (
	"slices"
	"strings"
	"testing"

	"flakeops/activate"
	"flakeops/activate/wire"
	"flakeops/flake"
	"flakeops/internal/cli/exit"
	"flakeops/internal/fleet"
	"flakeops/internal/fleet/fleettest"
	"flakeops/internal/settings"
)

// deployments were one or two, by which hosts came to what they run.
func deployments() map[string][]wire.Record {
	first := wire.Record{ID: "01AAAAAAAAAAAAAAAAAAAAAAAA", Old: fleettest.System("first"), New: fleettest.System("older"), Outcome: wire.Deployed, Flake: wire.Flake{URL: "one"}}
	second := wire.Record{ID: "01BBBBBBBBBBBBBBBBBBBBBBBB", Old: fleettest.System("older"), New: fleettest.System("old"), Outcome: wire.Deployed, Flake: wire.Flake{URL: "two"}}
	return map[string][]wire.Record{"a": {first, second}, "b": {first, second}, "c": {first}}
}

func rollback(c rollbackCmd) rollbackCmd {
	c.Parallel = 2
	return c
}

func TestRollbackGoesWhereRecordsAndGenerationsTell(t *testing.T) {
	older, first := fleettest.System("older"), fleettest.System("first")
	for name, c := range map[string]struct {
		verb rollbackCmd
		want string
	}{
		"before":     {rollbackCmd{}, older},
		"generation": {rollbackCmd{Generation: 1}, first},
		"deployment": {rollbackCmd{To: "01AAAAAAAAAAAAAAAAAAAAAAAA"}, first},
	} {
		t.Run(name, func(t *testing.T) {
			w := &fleettest.World{Records: deployments(), Profile: map[string][]string{"a": {first, older}, "b": {first}}}
			p := play(t, w, rollback(c.verb), "a", "b")
			wantCode(t, p, exit.Done)
			w.Index(t, "activate a "+c.want)
			w.Index(t, "activate b "+c.want)
			for _, entry := range w.Journal() {
				if strings.HasPrefix(entry, "build") || strings.HasPrefix(entry, "keys") || strings.HasPrefix(entry, "push") && !strings.HasSuffix(entry, " 1") {
					t.Errorf("besides %q", entry)
				}
			}
			wantOutcome(t, p, "a", deployed)
		})
	}
}

func TestRollbackWhereItIsNotTouchesNoHost(t *testing.T) {
	older := fleettest.System("older")
	for name, verb := range map[string]rollbackCmd{
		"collected":            {Generation: 2},
		"no such generation":   {Generation: 3},
		"unheard-of":           {To: "01CCCCCCCCCCCCCCCCCCCCCCCC"},
		"not there any more":   {To: "01BBBBBBBBBBBBBBBBBBBBBBBB"},
		"nothing is on record": {},
	} {
		t.Run(name, func(t *testing.T) {
			w := &fleettest.World{Records: deployments(), Profile: map[string][]string{"a": {older, older, older}, "b": {older, fleettest.System("b")}}}
			w.Gone = map[string]bool{fleettest.System("b"): true}
			switch name {
			case "not there any more":
				w.Gone[older] = true
			case "nothing is on record":
				w.Records["b"] = nil
			}
			p := play(t, w, rollback(verb), "a", "b")
			wantCode(t, p, exit.Refused)
			if journal := strings.Join(w.Journal(), "\n"); strings.Contains(journal, "activate") || strings.Contains(journal, "push") {
				t.Errorf("%s", journal)
			}
		})
	}
}

func TestRollbackKeepsGoingWithoutWhatCannot(t *testing.T) {
	w := &fleettest.World{Records: deployments()}
	w.Records["b"] = nil
	verb := rollback(rollbackCmd{})
	verb.KeepGoing = true
	p := play(t, w, verb, "a", "b")
	wantCode(t, p, exit.Refused)
	w.Index(t, "activate a "+fleettest.System("older"))
	wantOutcome(t, p, "b", fleet.Refused)
}

// One that missed the second deployment stays as it is.
func TestRollbackOfAFleet(t *testing.T) {
	w := &fleettest.World{Records: deployments()}
	second := fleettest.OldFacts()
	second.Running = fleettest.System("older")
	w.Facts = map[string]activate.Facts{"c": second}
	p := play(t, w, rollback(rollbackCmd{To: "01BBBBBBBBBBBBBBBBBBBBBBBB"}), "a", "b", "c")
	wantCode(t, p, exit.Done)
	wantOutcome(t, p, "b", deployed)
	wantOutcome(t, p, "c", fleet.UpToDate)
	if slices.ContainsFunc(w.Journal(), func(entry string) bool { return strings.HasPrefix(entry, "activate c") }) {
		t.Errorf("%q", w.Journal())
	}
}

func TestRollbackAsksBeforeMany(t *testing.T) {
	w := &fleettest.World{Records: deployments()}
	p := playWith(t, w, rollback(rollbackCmd{}), w, nil, "a", "b")
	wantOutcome(t, p, "a", fleet.Held)
	if !strings.Contains(w.Asked, "Activate these 2 nodes?") || w.Did("activate a "+fleettest.System("older")) {
		t.Errorf("%q, %q", w.Asked, w.Journal())
	}
}

// What is to be activated was made when switching was enabled.
func TestRollbackWithoutSwitchInTodaysConfiguration(t *testing.T) {
	w := &fleettest.World{Records: deployments(), Change: func(e *flake.Evaluation) { e.Settings.NoSwitch = true }}
	wantCode(t, play(t, w, rollback(rollbackCmd{}), "a"), exit.Done)
}

func TestRollbackOnlySaysWhatItWouldDo(t *testing.T) {
	w := &fleettest.World{Records: deployments()}
	p := play(t, w, rollback(rollbackCmd{goals: goals{DryActivate: true}}), "a")
	if out := p.Node("a").Dry; len(out) != 1 || !strings.Contains(out[0], fleettest.System("older")) || w.Did("push a 1") {
		t.Errorf("%q, %q", out, w.Journal())
	}
}

func TestRollbackRebootsWithKeys(t *testing.T) {
	w := &fleettest.World{Records: deployments(), Settings: map[string]settings.Settings{"a": withKeys("a")}}
	back := fleettest.OldFacts()
	back.Running, back.Profile = fleettest.System("older"), fleettest.System("older")
	w.Back = map[string]activate.Facts{"a": back}
	wantCode(t, play(t, w, rollback(rollbackCmd{goals: goals{Reboot: true}}), "a"), exit.Done)
	if w.Index(t, "keys full a") < w.Index(t, "reboot a") {
		t.Errorf("%q", w.Journal())
	}
}
