package cli

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"flakeops/activate"
	"flakeops/internal/cli/exit"
	"flakeops/internal/fleet"
	"flakeops/internal/fleet/fleettest"
	"flakeops/internal/settings"
	"flakeops/keys"
	"flakeops/keys/message"
)

// withKeys is a node with one key for each phase.
func withKeys(node string) settings.Settings {
	return settings.Settings{
		TargetHost: &node, MagicRollback: true, AutoRollback: true, ConfirmTimeout: 30, ActivationTimeout: 300,
		Keys: []settings.Key{
			{Attr: "early", Name: "early", DestDir: "/run/keys", User: "root", Group: "root", Mode: 0o400, UploadAt: settings.PreActivation, RestartUnits: []string{"early.service"}},
			{Attr: "late", Name: "late", DestDir: "/run/keys", User: "root", Group: "root", Mode: 0o400, UploadAt: settings.PostActivation},
		},
	}
}

func keyedWorld() *fleettest.World {
	return &fleettest.World{Settings: map[string]settings.Settings{"a": withKeys("a"), "b": withKeys("b")}}
}

func TestKeysAreReadBeforeAnyHostChangesAndSentAroundTheActivation(t *testing.T) {
	w := keyedWorld()
	p := play(t, w, deployCmd{pace: pace{Parallel: 1}}, "a", "b")
	wantCode(t, p, exit.Done)
	for _, later := range []string{"keys pre a", "keys pre b", "activate a " + fleettest.System("a")} {
		for _, node := range []string{"a", "b"} {
			if w.Index(t, "read keys "+node) > w.Index(t, later) {
				t.Errorf("%s happened before %s's keys were read: %q", later, node, w.Journal())
			}
		}
	}
	activated := w.Index(t, "activate a "+fleettest.System("a"))
	if w.Index(t, "keys pre a") > activated || activated > w.Index(t, "keys full a") {
		t.Errorf("%q", w.Journal())
	}
}

func TestAKeyThatCannotBeReadStopsAllNodesButWithKeepGoingOnlyItsOwn(t *testing.T) {
	for _, keepGoing := range []bool{false, true} {
		w := keyedWorld()
		w.ReadErr = map[string]error{"b": errors.New("key late: empty")}
		p := play(t, w, deployCmd{pace: pace{Parallel: 1, KeepGoing: keepGoing}}, "a", "b")
		wantCode(t, p, exit.Push)
		if w.Did("keys pre b") || w.Activated("b") {
			t.Errorf("b was changed: %q", w.Journal())
		}
		if w.Activated("a") != keepGoing {
			t.Errorf("keepGoing %v: %q", keepGoing, w.Journal())
		}
	}
}

func TestKeysOfAnUpToDateHostAreSentWithoutAnActivation(t *testing.T) {
	w := keyedWorld()
	facts := fleettest.OldFacts()
	facts.Running, facts.Profile = fleettest.System("a"), fleettest.System("a")
	w.Facts = map[string]activate.Facts{"a": facts}
	p := play(t, w, deployCmd{pace: pace{Parallel: 1}}, "a")
	wantOutcome(t, p, "a", fleet.UpToDate)
	if !w.Did("keys full a") || w.Activated("a") {
		t.Errorf("%q", w.Journal())
	}
}

func TestKeysAreLeftAlone(t *testing.T) {
	for name, todo := range map[string]fleetVerb{
		"without the plan": deployCmd{noKeys: noKeys{true}},
		"by a push":        pushCmd{},
		"by a dry run":     deployCmd{goals: goals{DryActivate: true}},
	} {
		w := keyedWorld()
		play(t, w, todo, "a")
		if slices.ContainsFunc(w.Journal(), func(s string) bool { return strings.Contains(s, "keys") }) {
			t.Errorf("%s: %q", name, w.Journal())
		}
	}
}

func TestUndeclaredKeysAreRemovedFromAHostThatHadSome(t *testing.T) {
	w := &fleettest.World{}
	facts := fleettest.OldFacts()
	facts.Keys = true
	w.Facts = map[string]activate.Facts{"a": facts}
	play(t, w, sendKeysCmd{}, "a")
	if !w.Did("keys full a") {
		t.Errorf("%q", w.Journal())
	}
}

func TestAFailureToSendKeysIsTheNodes(t *testing.T) {
	w := keyedWorld()
	w.KeysErr = map[string]error{"a": errors.New("no user db")}
	w.Reply = message.Reply{}
	p := play(t, w, deployCmd{pace: pace{Parallel: 1}}, "a", "b")
	wantOutcome(t, p, "a", fleet.KeysFailed)
	wantOutcome(t, p, "b", fleet.Held)
	if w.Activated("a") {
		t.Error("a was activated without its keys")
	}
}

func TestAHostThatIsBeingDeployedToRefusesKeys(t *testing.T) {
	w := keyedWorld()
	w.KeysErr = map[string]error{"a": &keys.HostError{Reason: "deployment 1 of ann is running", Busy: true}}
	p := play(t, w, deployCmd{pace: pace{Parallel: 1}}, "a")
	wantCode(t, p, exit.Refused)
	wantOutcome(t, p, "a", fleet.Refused)
	if w.Activated("a") {
		t.Error("a was activated without its keys")
	}
}
