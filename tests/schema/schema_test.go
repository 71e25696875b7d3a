package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"flakeops/internal/fleet"
	"flakeops/internal/ui"
)

const eventsFile = "../../docs/reference/schema/events.json"

func TestCheckRefuses(t *testing.T) {
	s, err := Read(eventsFile)
	if err != nil {
		t.Fatal(err)
	}
	good := `{"version":1,"time":"t","kind":"began","node":"a","step":"push"}`
	if err := s.Check([]byte(good)); err != nil {
		t.Errorf("%s: %v", good, err)
	}
	for _, bad := range []string{
		``, `[]`, `{}`, `{"version":2,"time":"t","kind":"began"}`, `{"version":1,"time":"t","kind":"eaten"}`,
		`{"version":1,"time":1,"kind":"began"}`, `{"version":1,"time":"t","kind":"began","more":1}`,
		`{"version":1,"time":"t","kind":"progress","done":1.5}`,
	} {
		if s.Check([]byte(bad)) == nil {
			t.Errorf("%s passes", bad)
		}
	}
}

// steps and kinds are all there are: an event of another is found by the end-to-end
// tests, whose lines are held against the schema.
func steps() []fleet.Step {
	return []fleet.Step{
		fleet.Evaluating, fleet.Building, fleet.Connecting, fleet.Asking, fleet.ReadingKeys, fleet.Comparing, fleet.Pushing,
		fleet.BuildingThere, fleet.DryActivating, fleet.CheckingKeys, fleet.SendingKeys, fleet.Activating,
		fleet.TakingBack, fleet.Rebooting, fleet.AwaitingBoot, fleet.AwaitingUnits, fleet.Executing, fleet.Copying, fleet.Collecting,
	}
}

func kinds() []fleet.Kind {
	return []fleet.Kind{fleet.Began, fleet.Progress, fleet.Log, fleet.Output, fleet.Completed, fleet.Ended}
}

func TestEveryEventIsALineOfTheSchema(t *testing.T) {
	s, err := Read(eventsFile)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	u := ui.New(ui.Options{Stdout: &out, Stderr: io.Discard, Form: ui.Lines})
	for _, step := range steps() {
		for _, kind := range kinds() {
			u.Event(fleet.Event{
				Time: time.Now(), Node: "a\x1b[2J", Step: step, Kind: kind, Done: 1, Total: 2, Derivation: "/nix/store/x.drv", Text: "text\nmore",
				Result: fleet.Result{Outcome: fleet.Failed, Note: "why", Err: errors.New("why"), Hint: "do that"},
			})
		}
	}
	u.Event(fleet.Event{Time: time.Now(), Kind: fleet.Log, Step: fleet.Building, Derivation: "/nix/store/x.drv", Text: "of several"})
	if err := u.Over(7, errors.New("as a whole")); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != len(steps())*len(kinds())+3 { // what a command writes is told by the line
		t.Errorf("%d lines", len(lines))
	}
	for _, line := range lines {
		if err := s.Check([]byte(line)); err != nil || strings.Contains(line, "\x1b") {
			t.Errorf("%s: %v", line, err)
		}
	}
	if last := lines[len(lines)-1]; !strings.Contains(last, `"exitCode":7`) || !strings.Contains(last, `"error":"as a whole"`) {
		t.Errorf("the last line is %s", last)
	}
}

// The schema names no step and no kind that there is not.
func TestTheSchemaNamesWhatThereIs(t *testing.T) {
	s, err := Read(eventsFile)
	if err != nil {
		t.Fatal(err)
	}
	properties := s["properties"].(map[string]any)
	named := func(property string) []string {
		var names []string
		for _, name := range properties[property].(map[string]any)["enum"].([]any) {
			names = append(names, name.(string))
		}
		return names
	}
	for property, there := range map[string]any{"step": steps(), "kind": kinds()} {
		text, err := json.Marshal(there)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		if err := json.Unmarshal(text, &names); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(named(property), names) {
			t.Errorf("%s: %q, there are %q", property, named(property), names)
		}
	}
}
