package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// ErrNoTerminal is returned for a question when there is no terminal to ask it on.
var ErrNoTerminal = errors.New("there is no terminal to ask on")

const pollMillis = 100 // how often a question looks whether its context ended

// Prompter asks the operator on the terminal, one question at a time.
type Prompter struct {
	UI *UI

	mu   sync.Mutex
	open func() (*os.File, error) // nil: the process's own terminal
}

// Secret asks for a text that is not shown while it is typed.
func (p *Prompter) Secret(ctx context.Context, prompt string) (string, error) {
	return p.ask(ctx, func(t *term.Terminal) (string, error) {
		return t.ReadPassword(Clean(strings.TrimSpace(prompt)) + " ")
	})
}

// Confirm asks until the answer is yes or no; the question itself may have
// several lines.
func (p *Prompter) Confirm(ctx context.Context, question string) (bool, error) {
	answer, err := p.ask(ctx, func(t *term.Terminal) (string, error) {
		lines := strings.Split(strings.TrimSpace(question), "\n")
		for i, l := range lines {
			lines[i] = Clean(l)
		}
		if _, err := io.WriteString(t, strings.Join(lines, "\n")+"\n"); err != nil {
			return "", err
		}
		t.SetPrompt("yes/no: ")
		for {
			line, err := t.ReadLine()
			if err != nil {
				return "", err
			}
			switch s := strings.ToLower(strings.TrimSpace(line)); s {
			case "yes", "no":
				return s, nil
			}
		}
	})
	return answer == "yes", err
}

// ask opens the terminal, holds everything else back, and reads in raw mode, in
// which a read can be given up when ctx ends.
func (p *Prompter) ask(ctx context.Context, read func(*term.Terminal) (string, error)) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return "", context.Cause(ctx)
	}
	open := p.open
	if open == nil {
		open = func() (*os.File, error) { return os.OpenFile("/dev/tty", os.O_RDWR, 0) }
	}
	tty, err := open()
	if err != nil {
		return "", ErrNoTerminal
	}
	defer tty.Close()
	defer p.UI.Suspend()()

	fd := int(tty.Fd())
	old, err := term.MakeRaw(fd)
	if err != nil {
		return "", fmt.Errorf("terminal: %w", err)
	}
	defer func() { _ = term.Restore(fd, old) }()

	keys := &keyboard{ctx: ctx, fd: fd, tty: tty}
	answer, err := read(term.NewTerminal(keys, ""))
	switch {
	case ctx.Err() != nil:
		_, _ = io.WriteString(tty, "\r\n")
		return "", context.Cause(ctx)
	case keys.interrupted:
		_, _ = io.WriteString(tty, "\r\n")
		// Raw mode took the key's usual effect away.
		_ = syscall.Kill(os.Getpid(), syscall.SIGINT)
		return "", interrupted{}
	case errors.Is(err, io.EOF):
		return "", errors.New("no answer was given")
	case err != nil:
		return "", fmt.Errorf("terminal: %w", err)
	}
	return answer, nil
}

// interrupted is context.Canceled in an operator's words: the context of who
// asked may end only after the answer is known.
type interrupted struct{}

func (interrupted) Error() string { return "interrupted" }
func (interrupted) Unwrap() error { return context.Canceled }

// keyboard reads from a terminal until its context ends.
type keyboard struct {
	ctx         context.Context
	fd          int
	tty         *os.File
	interrupted bool
}

func (k *keyboard) Write(p []byte) (int, error) { return k.tty.Write(p) }

func (k *keyboard) Read(p []byte) (int, error) {
	const ctrlC = 3
	for {
		if err := k.ctx.Err(); err != nil {
			return 0, err
		}
		fds := []unix.PollFd{{Fd: int32(k.fd), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, pollMillis)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return 0, err
		}
		if n <= 0 {
			continue
		}
		n, err = k.tty.Read(p)
		for _, b := range p[:max(n, 0)] {
			if b == ctrlC {
				k.interrupted = true
				return 0, io.EOF
			}
		}
		return n, err
	}
}
