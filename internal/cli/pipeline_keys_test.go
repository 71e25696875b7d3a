package cli

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"flakeops/activate"
	"flakeops/activate/wire"
	"flakeops/internal/settings"
	"flakeops/keys"
	"flakeops/keys/message"
)

// withKeys is a node with one key for each phase.
func withKeys(node string) settings.Settings {
	return settings.Settings{
		TargetHost: &node, MagicRollback: true, AutoRollback: true, ConfirmTimeout: 30, ActivationTimeout: 300,
		Keys: []settings.Key{
			{Attr: "early", Name: "early", DestDir: "/run/keys", UploadAt: settings.PreActivation, RestartUnits: []string{"early.service"}},
			{Attr: "late", Name: "late", DestDir: "/run/keys", UploadAt: settings.PostActivation},
		},
	}
}

func keyedWorld(t *testing.T) *world {
	return &world{t: t, deployment: map[string]settings.Settings{"a": withKeys("a"), "b": withKeys("b")}}
}

func TestKeysAreReadBeforeAnyHostChangesAndSentAroundTheActivation(t *testing.T) {
	w := keyedWorld(t)
	p := w.run(t.Context(), plan{through: throughActivate, parallel: 1, keys: true}, "a", "b")
	wantCode(t, p, ExitDone)
	for _, later := range []string{"keys pre a", "keys pre b", "activate a " + system("a")} {
		for _, node := range []string{"a", "b"} {
			if w.index("read keys "+node) > w.index(later) {
				t.Errorf("%s happened before %s's keys were read: %q", later, node, w.journal)
			}
		}
	}
	activated := w.index("activate a " + system("a"))
	if w.index("keys pre a") > activated || activated > w.index("keys full a") {
		t.Errorf("%q", w.journal)
	}
}

func TestAKeyThatCannotBeReadStopsAllNodesButWithKeepGoingOnlyItsOwn(t *testing.T) {
	for _, keepGoing := range []bool{false, true} {
		w := keyedWorld(t)
		w.readErr = map[string]error{"b": errors.New("key late: empty")}
		p := w.run(t.Context(), plan{through: throughActivate, parallel: 1, keys: true, keepGoing: keepGoing}, "a", "b")
		wantCode(t, p, exitPush)
		if w.did("keys pre b") || w.activated("b") {
			t.Errorf("b was changed: %q", w.journal)
		}
		if w.activated("a") != keepGoing {
			t.Errorf("keepGoing %v: %q", keepGoing, w.journal)
		}
	}
}

func TestKeysOfAnUpToDateHostAreSentWithoutAnActivation(t *testing.T) {
	w := keyedWorld(t)
	facts := oldFacts()
	facts.Running, facts.Profile = system("a"), system("a")
	w.facts = map[string]activate.Facts{"a": facts}
	p := w.run(t.Context(), plan{through: throughActivate, parallel: 1, keys: true}, "a")
	wantOutcome(t, p, "a", outcomeUpToDate)
	if !w.did("keys full a") || w.activated("a") {
		t.Errorf("%q", w.journal)
	}
}

func TestKeysAreLeftAlone(t *testing.T) {
	for name, todo := range map[string]plan{
		"without the plan": {through: throughActivate, parallel: 1},
		"by a push":        {through: throughPush, parallel: 1},
		"by a dry run":     {through: throughActivate, parallel: 1, goal: wire.DryActivate},
	} {
		w := keyedWorld(t)
		w.run(t.Context(), todo, "a")
		if slices.ContainsFunc(w.journal, func(s string) bool { return strings.Contains(s, "keys") }) {
			t.Errorf("%s: %q", name, w.journal)
		}
	}
}

func TestUndeclaredKeysAreRemovedFromAHostThatHadSome(t *testing.T) {
	w := &world{t: t}
	facts := oldFacts()
	facts.Keys = true
	w.facts = map[string]activate.Facts{"a": facts}
	w.run(t.Context(), plan{through: throughReach, parallel: 1, keys: true, visit: sendKeys}, "a")
	if !w.did("keys full a") {
		t.Errorf("%q", w.journal)
	}
}

func TestAFailureToSendKeysIsTheNodes(t *testing.T) {
	w := keyedWorld(t)
	w.keysErr = map[string]error{"a": errors.New("no user db")}
	w.keysReply = message.Reply{}
	p := w.run(t.Context(), plan{through: throughActivate, parallel: 1, keys: true}, "a", "b")
	wantOutcome(t, p, "a", outcomeKeys)
	wantOutcome(t, p, "b", outcomeHeld)
	if w.activated("a") {
		t.Error("a was activated without its keys")
	}
}

func TestAHostThatIsBeingDeployedToRefusesKeys(t *testing.T) {
	w := keyedWorld(t)
	w.keysErr = map[string]error{"a": &keys.HostError{Reason: "deployment 1 of ann is running", Busy: true}}
	p := w.run(t.Context(), plan{through: throughActivate, parallel: 1, keys: true}, "a")
	wantCode(t, p, exitRefused)
	wantOutcome(t, p, "a", outcomeRefused)
	if w.activated("a") {
		t.Error("a was activated without its keys")
	}
}

func (w *world) activated(node string) bool { return w.did("activate " + node + " " + system(node)) }
