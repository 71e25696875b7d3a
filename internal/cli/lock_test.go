package cli

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"flakeops/activate/inspect"
	"flakeops/flake"
	"flakeops/internal/cli/exit"
	"flakeops/internal/fault"
	"flakeops/internal/fleet"
	"flakeops/internal/fleet/fleettest"
	"flakeops/internal/ui"
)

// A host that follows the lock, one that does not, one that is away.
func TestLockTellsDrift(t *testing.T) {
	locked, other := strings.Repeat("ab", 20), strings.Repeat("cd", 20)
	w := &fleettest.World{
		Tells: map[string]string{
			"a": "label\t26.05.20261101.abababa\n",
			"b": "label\t25.11.20250101.cdcdcdc\nsays\t{\"nixpkgsRevision\":\"" + other + "\"}\nsubscribed\thttps://nixos.org/channels/nixos-25.11 nixos\n",
		},
		DialErr: map[string]error{"c": fault.As(fault.Unreachable, errors.New("no route"))},
	}
	c := lockCmd{asking: asking{Parallel: 2}, MaxAge: age(30 * day), pins: &answers[inspect.Pins]{}}
	r := play(t, w, c, "a", "b", "c")
	wantOutcome(t, r, "b", fleet.Asked)
	wantCode(t, r, exit.Unreachable)
	r.Locked = []flake.LockedInput{
		{Name: "nixpkgs", Direct: true, Type: "github", Revision: locked, Date: time.Now().Add(-40 * day)},
		{Name: "mine", Direct: true, Type: "path"},
	}
	var out bytes.Buffer
	if err := c.report(r, ui.New(ui.Options{Stdout: &out, Stderr: io.Discard}), exit.Unreachable); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	for i, want := range []string{
		"INPUT    TYPE    REVISION      DATE", "nixpkgs  github  abababababab", "mine     path    -             -           -", "",
		"NODE  RUNS", "a     26.05.20261101.abababa  nixpkgs", "b     25.11.20250101.cdcdcdc  -          nixpkgs cdcdcdcdcdcd is not what flake.lock has; channel nixos of root",
		"c     -                       -          unreachable",
	} {
		if !strings.HasPrefix(lines[i], want) {
			t.Errorf("line %d is %q, want %q", i, lines[i], want)
		}
	}
	if !strings.HasSuffix(lines[1], "40d, stale") {
		t.Errorf("%q", lines[1])
	}
	for _, l := range lines[:5] {
		if len(l) > 80 {
			t.Errorf("%d columns: %q", len(l), l)
		}
	}
	out.Reset()
	if err := c.report(r, ui.New(ui.Options{Stdout: &out, Stderr: io.Discard, Form: ui.JSON}), exit.Unreachable); err != nil {
		t.Fatal(err)
	}
	wantSchema(t, "lock", out.Bytes())
}
