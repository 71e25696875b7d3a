package cli

import (
	"errors"
	"strings"
	"testing"
	"time"

	"flakeops/activate/inspect"
	"flakeops/activate/wire"
	"flakeops/internal/cli/exit"
	"flakeops/internal/fault"
	"flakeops/internal/fleet/fleettest"
	"flakeops/internal/ui"
)

func recorded(id string, at time.Time, o wire.Outcome) wire.Record {
	return wire.Record{
		Version: 1, ID: id, Time: at, Node: "a", Operator: "ann@desk", Flake: wire.Flake{URL: "git+file:///f", Revision: strings.Repeat("ab", 20)},
		Old: fleettest.System("first"), New: fleettest.System("old"), Goal: wire.Switch, Outcome: o, Message: "",
	}
}

// The records of all hosts are one list, and a host that is away keeps none out.
func TestHistoryOfAllHosts(t *testing.T) {
	now := time.Now()
	w := &fleettest.World{
		Records: map[string][]wire.Record{
			"a": {recorded("long-ago", now.Add(-90*day), wire.Deployed), recorded("newest", now, wire.RolledBack)},
			"b": {recorded("between", now.Add(-time.Hour), "")},
		},
		DialErr: map[string]error{"c": fault.As(fault.Unreachable, errors.New("no route"))},
	}
	c := historyCmd{asking: asking{Parallel: 2}, told: &answers[inspect.History]{}}
	r := play(t, w, c, "a", "b", "c")
	wantCode(t, r, exit.Unreachable)
	wantSchema(t, "history", answered(t, c, r, ui.JSON, exit.Unreachable))
	text := string(answered(t, c, r, ui.Text, exit.Unreachable))
	lines := strings.Split(text, "\n")
	for i, want := range []string{"a     rolled back   newest      by ann@desk; abababababab", "b     no end known  between", "a     deployed      long-ago"} {
		if !strings.Contains(lines[i+1], want) {
			t.Errorf("line %d of %s lacks %q", i+1, text, want)
		}
	}
	week := age(7 * day)
	c.Since = &week
	if text := string(answered(t, c, r, ui.Text, 0)); strings.Contains(text, "long-ago") || !strings.Contains(text, "between") {
		t.Errorf("since a week: %s", text)
	}
}

func TestGenerationsOfAllHosts(t *testing.T) {
	w := world()
	w.DialErr = map[string]error{"c": fault.As(fault.Unreachable, errors.New("no route"))}
	c := generationsCmd{asking: asking{Parallel: 2}, told: &answers[[]inspect.Generation]{}}
	r := play(t, w, c, "a", "b", "c")
	wantCode(t, r, exit.Unreachable)
	wantSchema(t, "list-generations", answered(t, c, r, ui.JSON, exit.Unreachable))
	lines := strings.Split(string(answered(t, c, r, ui.Text, 0)), "\n")
	if len(lines) != 1+2*3+1 || !strings.HasPrefix(lines[1], "a     3    ") || !strings.HasSuffix(lines[1], "current") || strings.HasSuffix(lines[2], "current") {
		t.Errorf("%q", lines)
	}
}
