package sessions

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"flakeops/internal/fault"
	"flakeops/internal/remote/ask"
	"flakeops/internal/run"
)

func TestElevateWithoutACommand(t *testing.T) {
	c := &Conn{line: Line{User: "ops"}}
	_, err := c.Root().Run(t.Context(), run.Command{Argv: []string{"true"}})
	if err == nil || !strings.Contains(err.Error(), "privilegeEscalationCommand is empty") || fault.Of(err) != fault.Refused {
		t.Errorf("error %v", err)
	}
}

// A login user with another name who is root already runs no elevation command.
func TestRootUnderAnyNameIsLeftAlone(t *testing.T) {
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "id"), []byte("#!/bin/sh\necho 0\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	m := newMarkers()
	cmd := exec.CommandContext(t.Context(), "/bin/sh")
	cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH")}
	cmd.Stdin = strings.NewReader(m.elevatedScript([]string{"false"}, []string{"echo", "it's me"}))
	var said bytes.Buffer
	cmd.Stderr = &said
	if out, err := cmd.Output(); err != nil || string(out) != "it's me\n" || said.String() != m.begin+"\n"+m.start+"\n" {
		t.Errorf("%q, %q, %v", out, said.String(), err)
	}
}

func TestGate(t *testing.T) {
	var out bytes.Buffer
	g := newGate(&out)
	text := "lecture\n" + g.ask + "Sorry, try again.\n" + g.ask + g.start + "\r\nstderr of the command\n" + g.start + "\n"
	for n := range text { // a byte at a time, so that every marker is cut
		if _, err := g.Write([]byte{text[n]}); err != nil {
			t.Fatal(err)
		}
	}
	if want := "stderr of the command\n" + g.start + "\n"; out.String() != want {
		t.Errorf("passed on %q", out.String())
	}
	if n := len(g.asked); n != 2 || !g.isOpen() {
		t.Errorf("asked %d times, open: %v", n, g.isOpen())
	}
}

func TestGateHoldsBackABoundedAmount(t *testing.T) {
	var out bytes.Buffer
	g := newGate(&out)
	for range 100 {
		_, _ = g.Write(bytes.Repeat([]byte("x"), 10_000))
	}
	_, _ = g.Write([]byte("last words\n"))
	if len(g.held) > maxHeld || !strings.HasSuffix(g.said(), "last words") || out.Len() != 0 {
		t.Errorf("held %d bytes, passed on %d", len(g.held), out.Len())
	}
	_, _ = g.Write([]byte(g.start + "\n"))
	if !g.isOpen() {
		t.Error("not open")
	}
}

func TestNoPasswordIsSentOnceTheCommandRuns(t *testing.T) {
	g := newGate(&bytes.Buffer{})
	// The gate opens while the operator is typing.
	o := &ask.Operator{Prompt: askThen{func() { _, _ = g.Write([]byte(g.start + "\n")) }}}
	c := &Conn{line: Line{User: "ops", Operator: o}}
	_, _ = g.Write([]byte(g.ask))
	var stdin bytes.Buffer
	if err := g.wait(t.Context(), &stdin, &passwords{conn: c, ctx: t.Context()}); err != nil {
		t.Fatal(err)
	}
	if stdin.Len() != 0 {
		t.Errorf("sent %q", stdin.String())
	}
}

// askThen does something before it answers.
type askThen struct{ do func() }

func (a askThen) Secret(context.Context, string) (string, error) {
	a.do()
	return "typed", nil
}
func (a askThen) Confirm(context.Context, string) (bool, error) { return false, nil }
