package cli

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"flakeops/activate"
	"flakeops/activate/garbage"
	"flakeops/activate/wire"
	"flakeops/internal/cli/exit"
	"flakeops/internal/fleet"
	"flakeops/internal/fleet/fleettest"
	"flakeops/internal/run"
	"flakeops/internal/ui"
)

func collector(keep int) gcCmd {
	return gcCmd{pace: pace{Parallel: 2, KeepGoing: true}, Keep: keep, plans: &answers[garbage.Plan]{}, freed: &answers[garbage.Freed]{}}
}

func answered(t *testing.T, v fleetVerb, r *fleet.Run, form ui.Form, code int) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := v.report(r, ui.New(ui.Options{Stdout: &out, Stderr: io.Discard, Form: form}), code); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func world() *fleettest.World {
	facts := fleettest.OldFacts()
	facts.Generation = 3
	held := facts
	three := []string{fleettest.System("first"), fleettest.System("second"), fleettest.System("old")}
	held.Holder = &wire.Holder{ID: "01J", Operator: "ann@desk"}
	return &fleettest.World{
		Profile:    map[string][]string{"a": three, "b": three, "c": three},
		Facts:      map[string]activate.Facts{"a": facts, "b": facts, "c": held},
		CollectErr: map[string]error{"b": &run.Error{Code: 70}},
	}
}

// Of the busy ones one tells so at once, and one is found to be when its lock is taken.
func TestGCLeavesBusyHostsAlone(t *testing.T) {
	w, c := world(), collector(1)
	r := play(t, w, c, "a", "b", "c")
	wantOutcome(t, r, "a", fleet.Collected)
	wantOutcome(t, r, "b", fleet.Refused)
	wantOutcome(t, r, "c", fleet.Refused)
	wantCode(t, r, exit.Refused)
	if !w.Did("collect a 2 1") || w.Did("collect c 2 1") {
		t.Errorf("%q", w.Journal())
	}
	if note := r.Node("a").Result().Note; note != "2 generations deleted; 1.50 MiB freed" {
		t.Errorf("%q", note)
	}
	doc := answered(t, c, r, ui.JSON, exit.Refused)
	wantSchema(t, "gc", doc)
	wantText(t, string(doc), "is being deployed to: wait for it", "have it come to its end")
}

func TestGCDeletesNoGenerationUnasked(t *testing.T) {
	w, c := world(), collector(0)
	play(t, w, c, "a")
	if !w.Did("collect a ") {
		t.Errorf("%q", w.Journal())
	}
}

func TestGCDryRun(t *testing.T) {
	w, c := world(), collector(2)
	c.DryRun = true
	r := play(t, w, c, "a", "b")
	wantOutcome(t, r, "b", fleet.WouldCollect)
	wantCode(t, r, exit.Done)
	for _, did := range w.Journal() {
		if strings.HasPrefix(did, "collect ") {
			t.Error(did)
		}
	}
	wantText(t, string(answered(t, c, r, ui.Text, exit.Done)), "a:\n  1  0001-01-01  "+fleettest.System("first")+"\n", "1 generation would go")
}
