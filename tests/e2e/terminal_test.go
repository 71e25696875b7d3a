package e2e

import (
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/creack/pty"

	"flakeops/tests/trial"
)

// terminal is a flakeops with a terminal, on which questions can be answered.
type terminal struct {
	process *process
	t       *testing.T
	pty     *os.File
	screen  trial.Watched
	copied  chan struct{}
	seen    int // how much of the screen was looked at
}

// startOnTerminal starts flakeops with a terminal as stdin, stdout and stderr.
func (f *fleet) startOnTerminal(args ...string) *terminal {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	p := &process{Process: &trial.Process{Cmd: exec.CommandContext(ctx, binary, args...)}, t: f.t, cancel: cancel}
	p.Cmd.Env = append(f.env(), "TERM=xterm")
	p.Cmd.Dir = f.home
	file, err := pty.StartWithSize(p.Cmd, &pty.Winsize{Rows: 40, Cols: 120})
	if err != nil {
		cancel()
		f.t.Fatal(err)
	}
	t := &terminal{process: p, t: f.t, pty: file, copied: make(chan struct{})}
	go func() {
		defer close(t.copied)
		_, _ = io.Copy(&t.screen, file) // ends with EIO when the program does
	}()
	f.t.Cleanup(func() { cancel(); _ = p.Cmd.Wait(); _ = file.Close() })
	return t
}

// asked waits until text appears anew and answers it.
func (t *terminal) asked(text, answer string) {
	t.t.Helper()
	eventually(t.t, "the terminal shows "+text, func() bool {
		return strings.Contains(t.screen.String()[t.seen:], text)
	})
	t.seen = len(t.screen.String())
	if _, err := io.WriteString(t.pty, answer+"\n"); err != nil {
		t.t.Fatal(err)
	}
}

func (t *terminal) wait() *result {
	t.t.Helper()
	r := t.process.wait()
	<-t.copied
	r.stdout = t.screen.String()
	return r
}
