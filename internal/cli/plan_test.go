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
	"flakeops/flake"
	"flakeops/internal/cli/exit"
	"flakeops/internal/fleet"
	"flakeops/internal/fleet/fleettest"
	"flakeops/internal/remote"
	"flakeops/internal/settings"
	"flakeops/internal/ui"
	"flakeops/keys/message"
)

// store path of a package in the world.
func inStore(name string) string { return "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-" + name }

// built is a world in which the systems of these nodes are built here.
func built(nodes ...string) *fleettest.World {
	w := &fleettest.World{Closures: map[string]map[string]int64{}, Surveys: map[string]activate.Survey{}}
	for _, n := range nodes {
		w.Closures[fleettest.System(n)] = map[string]int64{inStore("app-2"): 3 << 20, inStore("lib-1"): 1 << 10}
		w.Surveys[n] = activate.Survey{
			Running: closure.Closure{inStore("app-1"): 1 << 20, inStore("lib-1"): 1 << 10},
			Missing: map[string]bool{inStore("app-2"): true},
		}
	}
	return w
}

// told is what a plan prints.
func told(t *testing.T, p *fleet.Run, c planCmd) string {
	t.Helper()
	var out bytes.Buffer
	u := ui.New(ui.Options{Stdout: &out, Stderr: io.Discard})
	if err := c.report(p, u, exit.Worst(t.Context(), p)); err != nil {
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
	w := built("a")
	current := fleettest.OldFacts()
	current.Running, current.Profile = fleettest.System("bb"), fleettest.System("bb")
	w.Facts = map[string]activate.Facts{"bb": current}
	w.DialErr = map[string]error{"ccc": &remote.UnreachableError{Host: "ccc", Err: errors.New("no route")}}
	p := play(t, w, planCmd{}, "a", "bb", "ccc", "dddd")
	wantOutcome(t, p, "a", fleet.Changes)
	wantOutcome(t, p, "bb", fleet.UpToDate)
	wantOutcome(t, p, "ccc", fleet.Unreachable)
	wantOutcome(t, p, "dddd", fleet.Changes)
	wantCode(t, p, exit.Unreachable)
	text := told(t, p, planCmd{})
	wantText(t, text, "1 upgraded; +2.0 MiB on disk; 3.0 MiB to copy", "not built: run `flakeops build`", "left out: units that stop and start")
	if strings.Contains(text, "upgraded: app") {
		t.Errorf("details although nobody asked:\n%s", text)
	}
	wantText(t, told(t, p, planCmd{details: true}), "upgraded: app 1 -> 2", "system: "+fleettest.System("old")+" -> "+fleettest.System("a"), "default at boot")
	for _, entry := range w.Journal() {
		if word, _, _ := strings.Cut(entry, " "); !slices.Contains([]string{"evaluate", "dial", "survey", "close"}, word) {
			t.Errorf("%q happened", entry)
		}
	}
}

func TestPlanExitCodes(t *testing.T) {
	current := fleettest.OldFacts()
	current.Running, current.Profile = fleettest.System("a"), fleettest.System("a")
	w := &fleettest.World{Facts: map[string]activate.Facts{"a": current}}
	wantCode(t, play(t, w, planCmd{}, "a"), exit.Done)
	w = &fleettest.World{}
	wantCode(t, play(t, w, planCmd{}, "a"), exit.Changes)
	w = &fleettest.World{EvalErr: map[string]error{"bb": &flake.EvalError{Node: "bb"}}}
	p := play(t, w, planCmd{}, "a", "bb")
	wantOutcome(t, p, "a", fleet.Changes)
	wantCode(t, p, exit.Evaluation)
}

func TestPlanWithPushBuildsAndAsks(t *testing.T) {
	w := built("a")
	p := play(t, w, planCmd{Push: true}, "a")
	wantOutcome(t, p, "a", fleet.Changes)
	if w.Index(t, "survey a") > w.Index(t, "push a 1") || w.Index(t, "push a 1") > w.Index(t, "dry a") {
		t.Errorf("wrong order: %q", w.Journal())
	}
	text := told(t, p, planCmd{Push: true})
	wantText(t, text, "a:\n  | would restart the app")
	if strings.Contains(text, "left out") {
		t.Errorf("something is left out:\n%s", text)
	}
}

// keyed gives a node two keys, of which the host has one.
func keyed(w *fleettest.World) {
	w.Settings = map[string]settings.Settings{"a": {TargetHost: new("a"), ActivationTimeout: 1, Keys: []settings.Key{
		{Attr: "one", Name: "one", DestDir: "/run/keys", User: "root", Group: "root", Mode: 0o400, HasText: true, UploadAt: "pre-activation"},
		{Attr: "two", Name: "two", DestDir: "/run/keys", User: "root", Group: "root", Mode: 0o400, HasText: true, UploadAt: "pre-activation"},
	}}}
	s := w.Surveys["a"]
	s.Keys = []string{"/run/keys/gone", "/run/keys/one"}
	w.Surveys["a"] = s
}

func TestPlanComparesKeysWhereTheAgentIs(t *testing.T) {
	w := built("a")
	keyed(w)
	w.Reply = message.Reply{States: map[string]message.State{"one": message.Different, "two": message.Present}}
	p := play(t, w, planCmd{}, "a")
	w.Index(t, "keys check a")
	if d := p.Node("a").Plan; !slices.Equal(d.Keys, []string{"one"}) || !slices.Equal(d.GoneKeys, []string{"/run/keys/gone"}) {
		t.Errorf("%+v", d)
	}
	wantText(t, told(t, p, planCmd{}), "1 key to write", "1 key to remove")

	w.Forget()
	p = play(t, w, planCmd{NoKeys: true}, "a")
	if w.Did("keys check a") || w.Did("read keys a") || strings.Contains(told(t, p, planCmd{details: true}), "key to") {
		t.Errorf("keys in spite of --no-keys: %q", w.Journal())
	}
}

func TestPlanWithoutTheAgentKnowsOfKeysWhatTheHostLists(t *testing.T) {
	w := built("a")
	keyed(w)
	w.Surveys["a"].Missing[fleettest.Agent()] = true
	p := play(t, w, planCmd{}, "a")
	if w.Did("read keys a") || w.Did("keys check a") {
		t.Errorf("keys were read for nothing: %q", w.Journal())
	}
	wantText(t, told(t, p, planCmd{details: true}), "key to write: two", "key to remove: /run/keys/gone", "left out: whether 1 key changed")

	w.Forget()
	play(t, w, planCmd{Push: true}, "a")
	if w.Index(t, "push a 1") > w.Index(t, "keys check a") {
		t.Errorf("%q", w.Journal())
	}
}

func TestPlanDocument(t *testing.T) {
	p := play(t, built("a"), planCmd{}, "a", "bb")
	var out bytes.Buffer
	if err := (planCmd{details: true}).report(p, ui.New(ui.Options{Stdout: &out, Stderr: io.Discard, Form: ui.JSON}), exit.Changes); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		ExitCode int
		Nodes    []struct {
			Packages    *closure.Difference
			Size        *struct{ Copy, CopyPaths int }
			BootDefault *struct{ Changes bool }
			LeftOut     []string
		}
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	a, b := doc.Nodes[0], doc.Nodes[1]
	if doc.ExitCode != exit.Changes || a.Size == nil || a.Size.Copy != 3<<20 || a.Size.CopyPaths != 1 || len(a.Packages.Upgraded) != 1 || !a.BootDefault.Changes {
		t.Errorf("%s", out.String())
	}
	if b.Packages != nil || b.Size != nil || len(b.LeftOut) != 2 {
		t.Errorf("%s", out.String())
	}
}

func TestDeployAsksBeforeSeveralNodes(t *testing.T) {
	w := built("a", "bb")
	p := playWith(t, w, deployCmd{pace: pace{Parallel: 1}}, w, nil, "a", "bb")
	wantOutcome(t, p, "a", fleet.Held)
	wantOutcome(t, p, "bb", fleet.Held)
	wantCode(t, p, exit.Other)
	wantText(t, w.Asked, "Activate these 2 nodes?", "a   1 upgraded; +2.0 MiB on disk")
	if w.Did("activate a " + fleettest.System("a")) {
		t.Error("activated without a yes")
	}

	w = built("a", "bb")
	w.Answer = true
	p = playWith(t, w, deployCmd{pace: pace{Parallel: 1}}, w, nil, "a", "bb")
	wantCode(t, p, exit.Done)
	if w.Index(t, "push bb 2") > w.Index(t, "asked") || w.Index(t, "asked") > w.Index(t, "activate a "+fleettest.System("a")) {
		t.Errorf("wrong order: %q", w.Journal())
	}
}

func TestDeploySaysThatItReboots(t *testing.T) {
	w := built("a", "bb")
	playWith(t, w, deployCmd{goals: goals{Reboot: true}}, w, nil, "a", "bb")
	wantText(t, w.Asked, "reboot them one after the other?")
}

func TestDeployDoesNotAskForOneNode(t *testing.T) {
	w := built("a", "bb")
	current := fleettest.OldFacts()
	current.Running, current.Profile = fleettest.System("bb"), fleettest.System("bb")
	w.Facts = map[string]activate.Facts{"bb": current}
	p := playWith(t, w, deployCmd{pace: pace{Parallel: 1}}, w, nil, "a", "bb")
	wantCode(t, p, exit.Done)
	if w.Did("asked") {
		t.Error("asked although one node only is activated")
	}
}
