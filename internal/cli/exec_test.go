package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"flakeops/internal/cli/document"
	"flakeops/internal/cli/exit"
	"flakeops/internal/cli/usage"
	"flakeops/internal/fleet"
	"flakeops/internal/fleet/fleettest"
	"flakeops/internal/remote"
	"flakeops/internal/run"
	"flakeops/internal/ui"
)

// hosts run commands: false fails, kill is killed, cat copies, and others say what they are.
func hosts() (w *fleettest.World, ran func() []string) {
	var mu sync.Mutex
	var all []string
	w = &fleettest.World{OnExec: func(_ context.Context, where string, c run.Command) error {
		mu.Lock()
		all = append(all, where+" "+run.Quote(c.Argv))
		mu.Unlock()
		switch c.Argv[0] {
		case "false":
			return &run.Error{Argv: c.Argv, Code: 3}
		case "kill":
			return &run.Error{Argv: c.Argv, Code: -1, Err: &run.SignalError{Signal: "KILL"}}
		case "cat":
			_, err := io.Copy(c.Stdout, c.Stdin)
			return err
		}
		_, _ = io.WriteString(c.Stdout, "\x1b[31mred\nun")
		_, _ = io.WriteString(c.Stderr, "warning\n")
		_, err := io.WriteString(c.Stdout, "ended")
		return err
	}}
	return w, func() []string { slices.Sort(all); return all }
}

// shown is what the run's events come to on both streams, then its report.
func shown(t *testing.T, w *fleettest.World, r *fleet.Run, form ui.Form, terminal bool) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	o := ui.Options{Stdout: &out, Stderr: &errs, Form: form}
	if terminal {
		o.Paper = func() (int, int) { return 80, 24 }
	}
	u := ui.New(o)
	for _, e := range w.Events() {
		u.Event(e)
	}
	u.Close()
	if err := document.WriteExecuted(u, r, exit.Worst(t.Context(), r)); err != nil {
		t.Error(err)
	}
	return out.String(), errs.String()
}

func TestExecTellsWhatACommandWrites(t *testing.T) {
	w, ran := hosts()
	r := play(t, w, execCmd{Parallel: 2, command: []string{"say", "a b", "$c"}}, "a", "b")
	wantCode(t, r, exit.Done)
	if want := []string{"user@a say 'a b' '$c'", "user@b say 'a b' '$c'"}; !slices.Equal(ran(), want) {
		t.Errorf("%q", ran())
	}
	if w.Did("addresses") {
		t.Error("it asked for more than settings")
	}
	stdout, stderr := shown(t, w, r, ui.Text, false)
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	slices.Sort(lines)
	if want := []string{"a | \x1b[31mred", "a | unended", "b | \x1b[31mred", "b | unended"}; !slices.Equal(lines, want) {
		t.Errorf("%q", stdout)
	}
	if !strings.Contains(stderr, "a | warning\n") || !strings.Contains(stderr, "NODE  HOST  EXIT  NOTE\na     a     0\n") {
		t.Errorf("%q", stderr)
	}
	if stdout, _ := shown(t, w, r, ui.Text, true); strings.Contains(stdout, "\x1b") || !strings.Contains(stdout, "a | red\n") {
		t.Errorf("on a terminal: %q", stdout)
	}
	if stdout, _ := shown(t, w, r, ui.Lines, false); !strings.Contains(stdout, `"kind":"output","node":"a","step":"exec","text":"unended"`) {
		t.Errorf("as lines: %s", stdout)
	}
}

func TestExecKeepsWhatACommandWrites(t *testing.T) {
	binary := string([]byte{0, 1, 2, 0xff, '\n', '\r', 0x1b})
	w, ran := hosts()
	verb := execCmd{Parallel: 1, Group: true, Sudo: true, command: []string{"cat"}, input: func() io.Reader { return strings.NewReader(binary) }}
	r := play(t, w, verb, "a", "b")
	if want := []string{"root@a cat", "root@b cat"}; !slices.Equal(ran(), want) {
		t.Errorf("%q", ran())
	}
	if stdout, stderr := shown(t, w, r, ui.Text, false); stdout != binary+binary || !strings.Contains(stderr, "a:\n") {
		t.Errorf("%q, %q", stdout, stderr)
	}
	if stdout, _ := shown(t, w, r, ui.Text, true); strings.ContainsAny(stdout, "\x00\x1b\r") {
		t.Errorf("on a terminal: %q", stdout)
	}
	doc, _ := shown(t, w, r, ui.JSON, false)
	wantSchema(t, "exec", []byte(doc))
	if !strings.Contains(doc, `"stdoutBytes": "AAEC/woNGw=="`) || !strings.Contains(doc, `"status": 0`) {
		t.Errorf("%s", doc)
	}
}

func TestExecSaysHowCommandsEnded(t *testing.T) {
	for command, c := range map[string]struct{ row, json string }{
		"false": {"a     a     3     exit status 3", `"status": 3`},
		"kill":  {"a     a     KILL  killed by signal: KILL", `"signal": "KILL"`},
	} {
		w, _ := hosts()
		w.DialErr = map[string]error{"b": &remote.UnreachableError{Host: "b", Err: errors.New("no route to host")}}
		r := play(t, w, execCmd{Parallel: 1, command: []string{command}}, "a", "b")
		wantCode(t, r, exit.Unreachable)
		if _, stderr := shown(t, w, r, ui.Text, false); !strings.Contains(stderr, c.row+"\n") || !strings.Contains(stderr, "b     b     -     ") {
			t.Errorf("%s", stderr)
		}
		doc, _ := shown(t, w, r, ui.JSON, false)
		wantSchema(t, "exec", []byte(doc))
		if !strings.Contains(doc, c.json) {
			t.Errorf("%s", doc)
		}
		wantCode(t, play(t, w, execCmd{Parallel: 1, command: []string{command}}, "a"), exit.Other)
	}
}

func TestCommandsAreCutFromVerbsThatTakeThem(t *testing.T) {
	for line, want := range map[string]string{
		"exec -- ls -l -- x":        "exec | ls -l -- x",
		"exec .#a --on b -- ls":     "exec .#a --on b | ls",
		"-v ssh-for-each -- ls":     "-v exec | ls",
		"exec ls":                   "exec ls | ",
		"deploy -- .#a":             "deploy -- .#a | ",
		"complete exec -- ls":       "complete exec -- ls | ",
		"list --on exec -- .#hosts": "list --on exec -- .#hosts | ",
	} {
		own, command := usage.CutCommand(strings.Fields(line))
		if got := strings.Join(own, " ") + " | " + strings.Join(command, " "); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}
