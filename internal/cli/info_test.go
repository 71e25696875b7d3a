package cli

import (
	"errors"
	"strings"
	"testing"
	"time"

	"flakeops/activate"
	"flakeops/activate/inspect"
	"flakeops/activate/wire"
	"flakeops/flake"
	"flakeops/internal/cli/exit"
	"flakeops/internal/fault"
	"flakeops/internal/fleet/fleettest"
	"flakeops/internal/ui"
)

func TestInfoTellsHowHostsStand(t *testing.T) {
	current, cut := fleettest.OldFacts(), fleettest.OldFacts()
	current.Running, current.Profile, current.Generation = fleettest.System("current"), fleettest.System("current"), 7
	cut.Unfinished = "01JCUT"
	w := &fleettest.World{
		Facts:   map[string]activate.Facts{"current": current, "cut": cut},
		Tells:   map[string]string{"current": "label\t25.11.20260101.abcdef1\n"},
		Records: map[string][]wire.Record{"behind": {recorded("1", time.Now().Add(-3*day), wire.Deployed)}},
		DialErr: map[string]error{"away": fault.As(fault.Unreachable, errors.New("no route"))},
		EvalErr: map[string]error{"throws": &flake.EvalError{Node: "throws", Message: "it throws"}},
	}
	c := infoCmd{asking: asking{Parallel: 4}, told: &answers[inspect.Status]{}}
	names := []string{"away", "behind", "current", "cut", "foreign", "throws"}
	r := play(t, w, c, names...)
	wantCode(t, r, exit.Unreachable)
	wantSchema(t, "info", answered(t, c, r, ui.JSON, exit.Unreachable))
	lines := strings.Split(string(answered(t, c, r, ui.Text, 0)), "\n")
	for i, want := range []string{
		"away     unreachable        -    -         no route", "behind   Outdated           -    3 d ago   " + fleettest.System("old") + "; deployed by ann@desk",
		"current  Up to date         7    -         25.11.20260101.abcdef1", "cut      Unconfirmed", "foreign  Foreign", "throws   evaluation failed  -    -         it throws",
	} {
		if !strings.HasPrefix(lines[i+1], want) {
			t.Errorf("%q, want %q", lines[i+1], want)
		}
	}

	c = infoCmd{asking: asking{Parallel: 4}, NoEval: true, told: &answers[inspect.Status]{}}
	w.EvalErr = nil
	r = play(t, w, c, names...)
	lines = strings.Split(string(answered(t, c, r, ui.Text, 0)), "\n")
	if !strings.HasPrefix(lines[2], "behind   -            -    3 d ago") || !strings.HasPrefix(lines[6], "throws   Foreign") {
		t.Errorf("%q", lines)
	}
}
