package systemd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"flakeops/internal/run"
)

// answer is a systemctl that prints a text.
type answer struct {
	text string
	err  error
	argv []string
}

func (a *answer) Run(_ context.Context, c run.Command) (run.Result, error) {
	a.argv = c.Argv
	_, err := io.WriteString(c.Stdout, a.text)
	return run.Result{}, errors.Join(err, a.err)
}

func TestList(t *testing.T) {
	a := &answer{text: "nginx.service loaded failed failed Web server\n\ncut\nx.service loaded activating auto-restart X\n"}
	units, err := List(t.Context(), a, "failed,auto-restart")
	want := []Unit{{"nginx.service", "failed", "failed"}, {"x.service", "activating", "auto-restart"}}
	if err != nil || !reflect.DeepEqual(units, want) {
		t.Errorf("%v, %v", units, err)
	}
	if line := strings.Join(a.argv, " "); !strings.Contains(line, "--state=failed,auto-restart --plain --no-legend") {
		t.Error(line)
	}
	for _, bad := range []*answer{{err: fmt.Errorf("no bus")}, {text: strings.Repeat("x y z a\n", maxList/8+1)}} {
		if _, err := List(t.Context(), bad, "failed"); err == nil {
			t.Errorf("%.20q is an answer", bad.text)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("nginx.service loaded failed failed Web server\n")
	f.Fuzz(func(t *testing.T, line string) {
		if u, ok := Parse(line); ok && len(strings.Fields(u.Name)) != 1 {
			t.Errorf("%q: %+v", line, u)
		}
	})
}
