package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// operator is the far side of a terminal: what it shows, and a keyboard.
type operator struct {
	shown buffer
	keys  *os.File
}

// terminal makes a pseudo-terminal, and a Prompter that asks on it.
func terminal(t *testing.T) (*operator, *Prompter) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	var n int
	conn, err := master.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if cerr := conn.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			n, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	}); cerr != nil || err != nil {
		t.Fatal(cerr, err)
	}
	name := fmt.Sprintf("/dev/pts/%d", n)
	// Held open, so that the terminal lives on between two questions.
	slave, err := os.OpenFile(name, os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	o := &operator{keys: master}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(&o.shown, master)
	}()
	t.Cleanup(func() {
		slave.Close()
		<-done
		master.Close()
	})
	p := &Prompter{UI: New(Options{Stdout: io.Discard, Stderr: io.Discard})}
	p.open = func() (*os.File, error) { return os.OpenFile(name, os.O_RDWR|syscall.O_NOCTTY, 0) }
	return o, p
}

func (o *operator) types(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(o.keys, text); err != nil {
		t.Error(err)
	}
}

func TestSecretIsNotShown(t *testing.T) {
	o, p := terminal(t)
	go func() {
		o.shown.waitFor(t, "passphrase: ")
		o.types(t, "hunter2\r")
	}()
	got, err := p.Secret(t.Context(), "\x1b[2Jpassphrase:")
	if err != nil || got != "hunter2" {
		t.Errorf("%q, %v", got, err)
	}
	if s := o.shown.String(); strings.Contains(s, "hunter2") || strings.Contains(s, "[2J") {
		t.Errorf("shown: %q", s)
	}
}

func TestConfirmTakesYesOrNoOnly(t *testing.T) {
	o, p := terminal(t)
	for answer, want := range map[string]bool{"maybe\ry\rYES\r": true, "\rno\r": false} {
		go func() {
			o.shown.waitFor(t, "yes/no")
			o.types(t, answer)
		}()
		got, err := p.Confirm(t.Context(), "unknown key\ntrust it?")
		if err != nil || got != want {
			t.Errorf("%q: %v, %v", answer, got, err)
		}
	}
}

func TestAQuestionEndsWithItsContext(t *testing.T) {
	o, p := terminal(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	go func() {
		o.shown.waitFor(t, "password:")
		cancel(why)
	}()
	if _, err := p.Secret(ctx, "password:"); !errors.Is(err, why) {
		t.Errorf("%v", err)
	}
	if _, err := p.Secret(ctx, "again:"); !errors.Is(err, why) || strings.Contains(o.shown.String(), "again") {
		t.Errorf("%v, shown %q", err, o.shown.String())
	}
}

func TestCtrlCInterruptsTheProcess(t *testing.T) {
	o, p := terminal(t)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT)
	defer signal.Stop(signals)
	go func() {
		o.shown.waitFor(t, "password:")
		o.types(t, "half\x03")
	}()
	if _, err := p.Secret(t.Context(), "password:"); !errors.Is(err, context.Canceled) || err.Error() != "interrupted" {
		t.Errorf("%v", err)
	}
	select {
	case <-signals:
	case <-time.After(10 * time.Second):
		t.Error("no signal came")
	}
}

func TestNoTerminal(t *testing.T) {
	p := &Prompter{UI: New(Options{Stdout: io.Discard, Stderr: io.Discard})}
	p.open = func() (*os.File, error) { return nil, os.ErrNotExist }
	if _, err := p.Secret(t.Context(), "password:"); !errors.Is(err, ErrNoTerminal) {
		t.Errorf("%v", err)
	}
}
