package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"flakeops/activate"
	"flakeops/activate/closure"
	"flakeops/activate/wire"
	"flakeops/flake"
	"flakeops/internal/remote"
	"flakeops/internal/settings"
	"flakeops/internal/ui"
	"flakeops/keys/message"
)

// planOf is the plan that the verb's flags ask for.
func planOf(c planCmd) plan {
	todo := plan{through: throughReach, keepGoing: true, surveys: true, planKeys: !c.NoKeys, visit: c.conclude}
	if c.Push {
		todo.through = throughPush
	}
	return todo
}

// store path of a package in the world.
func inStore(name string) string { return "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-" + name }

// built is a world in which the systems of these nodes are built here.
func built(t *testing.T, nodes ...string) *world {
	w := &world{t: t, closures: map[string]map[string]int64{}, surveys: map[string]activate.Survey{}}
	for _, n := range nodes {
		w.closures[system(n)] = map[string]int64{inStore("app-2"): 3 << 20, inStore("lib-1"): 1 << 10}
		w.surveys[n] = activate.Survey{
			Running: closure.Closure{inStore("app-1"): 1 << 20, inStore("lib-1"): 1 << 10},
			Missing: map[string]bool{inStore("app-2"): true},
		}
	}
	return w
}

// told is what a plan prints.
func told(t *testing.T, p *pipeline, details bool) string {
	t.Helper()
	var out bytes.Buffer
	u := ui.New(ui.Options{Stdout: &out, Stderr: io.Discard})
	if err := planReport(details)(p, u, p.worst(t.Context())); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func wantText(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

func TestPlanTellsTheDifference(t *testing.T) {
	w := built(t, "a")
	current := oldFacts()
	current.Running, current.Profile = system("bb"), system("bb")
	w.facts = map[string]activate.Facts{"bb": current}
	w.dialErr = map[string]error{"ccc": &remote.UnreachableError{Host: "ccc", Err: errors.New("no route")}}
	p := w.run(t.Context(), planOf(planCmd{}), "a", "bb", "ccc", "dddd")
	wantOutcome(t, p, "a", outcomeChanges)
	wantOutcome(t, p, "bb", outcomeUpToDate)
	wantOutcome(t, p, "ccc", outcomeUnreachable)
	wantOutcome(t, p, "dddd", outcomeChanges)
	wantCode(t, p, exitUnreachable)
	text := told(t, p, false)
	wantText(t, text, "1 upgraded; +2.0 MiB on disk; 3.0 MiB to copy", "not built: run `flakeops build`", "left out: units that stop and start")
	if strings.Contains(text, "upgraded: app") {
		t.Errorf("details although nobody asked:\n%s", text)
	}
	wantText(t, told(t, p, true), "upgraded: app 1 -> 2", "system: "+system("old")+" -> "+system("a"), "default at boot")
	for _, entry := range w.journal {
		if word, _, _ := strings.Cut(entry, " "); !slices.Contains([]string{"evaluate", "dial", "survey", "close"}, word) {
			t.Errorf("%q happened", entry)
		}
	}
}

func TestPlanExitCodes(t *testing.T) {
	current := oldFacts()
	current.Running, current.Profile = system("a"), system("a")
	w := &world{t: t, facts: map[string]activate.Facts{"a": current}}
	wantCode(t, w.run(t.Context(), planOf(planCmd{}), "a"), ExitDone)
	w = &world{t: t}
	wantCode(t, w.run(t.Context(), planOf(planCmd{}), "a"), exitChanges)
	w = &world{t: t, evalErr: map[string]error{"bb": &flake.EvalError{Node: "bb"}}}
	p := w.run(t.Context(), planOf(planCmd{}), "a", "bb")
	wantOutcome(t, p, "a", outcomeChanges)
	wantCode(t, p, exitEvaluation)
}

func TestPlanWithPushBuildsAndAsks(t *testing.T) {
	w := built(t, "a")
	p := w.run(t.Context(), planOf(planCmd{Push: true}), "a")
	wantOutcome(t, p, "a", outcomeChanges)
	if w.index("survey a") > w.index("push a 1") || w.index("push a 1") > w.index("dry a") {
		t.Errorf("wrong order: %q", w.journal)
	}
	text := told(t, p, false)
	wantText(t, text, "a:\n  | would restart the app")
	if strings.Contains(text, "left out") {
		t.Errorf("something is left out:\n%s", text)
	}
}

// keyed gives a node two keys, of which the host has one.
func keyed(w *world) {
	w.deployment = map[string]settings.Settings{"a": {TargetHost: new("a"), ActivationTimeout: 1, Keys: []settings.Key{
		{Attr: "one", Name: "one", DestDir: "/run/keys", HasText: true, UploadAt: "pre-activation"},
		{Attr: "two", Name: "two", DestDir: "/run/keys", HasText: true, UploadAt: "pre-activation"},
	}}}
	s := w.surveys["a"]
	s.Keys = []string{"/run/keys/gone", "/run/keys/one"}
	w.surveys["a"] = s
}

func TestPlanComparesKeysWhereTheAgentIs(t *testing.T) {
	w := built(t, "a")
	keyed(w)
	w.keysReply = message.Reply{States: map[string]message.State{"one": message.Different, "two": message.Present}}
	p := w.run(t.Context(), planOf(planCmd{}), "a")
	w.index("keys check a")
	if d := p.find("a").plan; !slices.Equal(d.keys, []string{"one"}) || !slices.Equal(d.goneKeys, []string{"/run/keys/gone"}) {
		t.Errorf("%+v", d)
	}
	wantText(t, told(t, p, false), "1 key to write", "1 key to remove")

	w.journal = nil
	p = w.run(t.Context(), planOf(planCmd{NoKeys: true}), "a")
	if w.did("keys check a") || w.did("read keys a") || strings.Contains(told(t, p, true), "key to") {
		t.Errorf("keys in spite of --no-keys: %q", w.journal)
	}
}

func TestPlanWithoutTheAgentKnowsOfKeysWhatTheHostLists(t *testing.T) {
	w := built(t, "a")
	keyed(w)
	w.surveys["a"].Missing[system("agent")] = true
	p := w.run(t.Context(), planOf(planCmd{}), "a")
	if w.did("read keys a") || w.did("keys check a") {
		t.Errorf("keys were read for nothing: %q", w.journal)
	}
	wantText(t, told(t, p, true), "key to write: two", "key to remove: /run/keys/gone", "left out: whether 1 key changed")

	w.journal = nil
	w.run(t.Context(), planOf(planCmd{Push: true}), "a")
	if w.index("push a 1") > w.index("keys check a") {
		t.Errorf("%q", w.journal)
	}
}

func TestPlanDocument(t *testing.T) {
	p := built(t, "a").run(t.Context(), planOf(planCmd{}), "a", "bb")
	var out bytes.Buffer
	if err := planReport(true)(p, ui.New(ui.Options{Stdout: &out, Stderr: io.Discard, JSON: true}), exitChanges); err != nil {
		t.Fatal(err)
	}
	var doc planDocument
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	a, b := doc.Nodes[0], doc.Nodes[1]
	if doc.ExitCode != exitChanges || a.Size == nil || a.Size.Copy != 3<<20 || a.Size.CopyPaths != 1 || len(a.Packages.Upgraded) != 1 || !a.BootDefault.Changes {
		t.Errorf("%s", out.String())
	}
	if b.Packages != nil || b.Size != nil || len(b.LeftOut) != 2 {
		t.Errorf("%s", out.String())
	}
}

// asking is a deployment on a terminal.
func asking() plan { return plan{through: throughActivate, surveys: true, ask: askBeforeMany} }

func TestDeployAsksBeforeSeveralNodes(t *testing.T) {
	w := built(t, "a", "bb")
	p := w.run(t.Context(), asking(), "a", "bb")
	wantOutcome(t, p, "a", outcomeHeld)
	wantOutcome(t, p, "bb", outcomeHeld)
	wantCode(t, p, exitOther)
	wantText(t, w.asked, "Activate these 2 nodes?", "a   1 upgraded; +2.0 MiB on disk")
	if w.did("activate a " + system("a")) {
		t.Error("activated without a yes")
	}

	w = built(t, "a", "bb")
	w.answer = true
	p = w.run(t.Context(), asking(), "a", "bb")
	wantCode(t, p, ExitDone)
	if w.index("push bb 2") > w.index("asked") || w.index("asked") > w.index("activate a "+system("a")) {
		t.Errorf("wrong order: %q", w.journal)
	}
}

func TestDeploySaysThatItReboots(t *testing.T) {
	w := built(t, "a", "bb")
	todo := asking()
	todo.goal, todo.reboot = wire.Boot, rebootCmd{}.reboot
	w.run(t.Context(), todo, "a", "bb")
	wantText(t, w.asked, "reboot them one after the other?")
}

func TestDeployDoesNotAskForOneNode(t *testing.T) {
	w := built(t, "a", "bb")
	current := oldFacts()
	current.Running, current.Profile = system("bb"), system("bb")
	w.facts = map[string]activate.Facts{"bb": current}
	p := w.run(t.Context(), asking(), "a", "bb")
	wantCode(t, p, ExitDone)
	if w.did("asked") {
		t.Error("asked although one node only is activated")
	}
}

func TestSizes(t *testing.T) {
	for bytes, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 KiB", 1536: "1.5 KiB", 10 << 10: "10 KiB", 1023 << 10: "1.0 MiB", 5 << 40: "5.0 TiB", 5 << 50: "5120 TiB",
	} {
		if got := size(bytes); got != want {
			t.Errorf("%d: %q, want %q", bytes, got, want)
		}
	}
	if got := growth(-2048); got != "-2.0 KiB" {
		t.Errorf("%q", got)
	}
}
