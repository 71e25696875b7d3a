package cli

import (
	"errors"
	"net"
	"strings"
	"testing"

	"flakeops/activate/inspect"
	"flakeops/flake"
	"flakeops/internal/fleet/fleettest"
	"flakeops/internal/remote"
	"flakeops/internal/remote/trust"
	"flakeops/internal/ui"
)

// The exit status is the sum of what is wrong anywhere.
func TestCheckIsNixOpsMask(t *testing.T) {
	well := "uptime\t90.5\nload\t0.25 0.20 0.10 1/99 7\ncpus\t2\nroot\trw\nunits\tknown\ndisk\t/ 1 4096 100 50 40 100 90\n"
	full := strings.Replace(well, "100 50 40 100 90", "100 5 4 100 90", 1) + "unit\tweb.service loaded failed failed Web\n"
	w := &fleettest.World{
		Tells: map[string]string{"well": well, "full": full},
		DialErr: map[string]error{
			"down":    &remote.UnreachableError{Host: "down", Err: errors.New("i/o timeout")},
			"hangs":   &remote.UnreachableError{Host: "hangs", Up: true, Err: errors.New("no answer")},
			"missing": &remote.UnreachableError{Host: "missing", Err: &net.DNSError{IsNotFound: true, Err: "no such host"}},
			"strange": &trust.HostKeyError{},
			"unsaid":  &flake.AddressError{},
		},
		EvalErr: map[string]error{"throws": &flake.EvalError{Node: "throws", Message: "it throws"}},
	}
	for nodes, want := range map[string]int{
		"well": 0, "missing": 1, "down": 2, "hangs": 4, "strange": 4, "full": 8 | 16, "throws": 32, "unsaid": 32,
		"well missing down hangs": 7, "down full throws": 2 | 8 | 16 | 32,
	} {
		c := checkCmd{asking: asking{Parallel: 4}, MaxUsage: 90, MinInodes: 5, told: &answers[inspect.Health]{}}
		r := play(t, w, c, strings.Fields(nodes)...)
		if got := c.code(r); got != want {
			t.Errorf("%s: %d, want %d", nodes, got, want)
		}
		wantSchema(t, "check", answered(t, c, r, ui.JSON, want))
	}

	c := checkCmd{asking: asking{Parallel: 4}, MaxUsage: 90, MinInodes: 5, told: &answers[inspect.Health]{}}
	r := play(t, w, c, "down", "full", "hangs", "missing", "well")
	lines := strings.Split(string(answered(t, c, r, ui.Text, 0)), "\n")
	for i, want := range []string{
		"down     yes     no   -          -      -     -      cannot reach down: i/o timeout",
		"full     yes     yes  yes        no     0.25  1 bad  / is 96% full; failed: web.service",
		"hangs    yes     yes  no         -      -     -      cannot reach hangs: no answer",
		"missing  no      -    -          -      -     -      cannot reach missing: lookup : no such host",
		"well     yes     yes  yes        ok     0.25  ok",
	} {
		if lines[i+1] != want {
			t.Errorf("%q, want %q", lines[i+1], want)
		}
	}
}
