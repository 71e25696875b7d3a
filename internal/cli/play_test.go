package cli

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"flakeops/activate/wire"
	"flakeops/flake"
	"flakeops/internal/cli/exit"
	"flakeops/internal/fleet"
	"flakeops/internal/fleet/fleettest"
	"flakeops/internal/ui"
	"flakeops/tests/schema"
)

const (
	deployed   = fleet.Outcome(wire.Deployed)
	rolledBack = fleet.Outcome(wire.RolledBack)
)

// play does a verb with the world's nodes of those names. Nobody is asked.
func play(t *testing.T, w *fleettest.World, v fleetVerb, names ...string) *fleet.Run {
	t.Helper()
	return playWith(t, w, v, nil, nil, names...)
}

func playWith(t *testing.T, w *fleettest.World, v fleetVerb, ask confirmer, failed []flake.Evaluation, names ...string) *fleet.Run {
	t.Helper()
	steps := func(ctx context.Context, r *fleet.Run) { v.steps(ctx, r, ask) }
	return w.RunWith(t, optionsOf(v), failed, steps, names...)
}

// said is what people were told of the nodes' ends, and advised.
func said(w *fleettest.World) []string {
	var text bytes.Buffer
	u := ui.New(ui.Options{Stdout: io.Discard, Stderr: &text})
	for _, e := range w.Events() {
		if e.Kind == fleet.Ended {
			u.Event(e)
		}
	}
	u.Advise()
	u.Close()
	return strings.Split(strings.TrimSpace(text.String()), "\n")
}

func wantOutcome(t *testing.T, r *fleet.Run, node string, outcome fleet.Outcome) {
	t.Helper()
	if res := r.Node(node).Result(); res.Outcome != outcome {
		t.Errorf("%s: outcome %q (%s), want %q", node, res.Outcome, res.Note, outcome)
	}
}

func wantCode(t *testing.T, r *fleet.Run, code int) {
	t.Helper()
	if got := exit.Worst(t.Context(), r); got != code {
		t.Errorf("exit code %d, want %d", got, code)
	}
}

// wantSchema holds a verb's document against the schema that is published.
func wantSchema(t *testing.T, verb string, doc []byte) {
	t.Helper()
	s, err := schema.Read("../../docs/reference/schema/" + verb + ".json")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Check(doc); err != nil {
		t.Errorf("%v in %s", err, doc)
	}
}
