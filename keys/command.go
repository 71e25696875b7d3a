package keys

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"flakeops/internal/lazy"
	"flakeops/internal/run"
	"flakeops/internal/settings"
	"flakeops/keys/message"
)

// commandSource reads what commands print.
type commandSource struct {
	node   string
	dir    string
	runner run.Runner
	memo   *lazy.Map[string, Secret] // what was read, for as long as a run lasts
	slots  turn                      // for as many commands as may run at once
}

// Read runs the command of a key, or gives what it printed before.
func (s commandSource) Read(ctx context.Context, k settings.Key) (Secret, error) {
	id := strings.Join(append([]string{s.node, k.Attr}, k.Command...), "\x00")
	return s.memo.Of(id).Get(ctx, func(ctx context.Context) (Secret, error) {
		if err := s.slots.take(ctx); err != nil {
			return Secret{}, err
		}
		defer s.slots.give()
		value, err := s.print(ctx, k)
		if err != nil {
			return Secret{}, &commandError{program: k.Command[0], err: err, byHand: s.byHand(k)}
		}
		return NewSecret(value), nil
	})
}

func (s commandSource) print(ctx context.Context, k settings.Key) ([]byte, error) {
	most := time.Duration(k.Timeout) * time.Second
	limited, cancel := context.WithTimeoutCause(ctx, most, fmt.Errorf("it did not end within %v: see that it asks nothing, or raise deployment.keys.%s.timeout", most, k.Attr))
	defer cancel()
	limited, stop := context.WithCancelCause(limited)
	defer stop(nil)
	out := &printed{Head: run.Head{Max: message.MaxValue}, full: func() { stop(errTooLarge) }}
	_, err := s.runner.Run(limited, run.Command{
		Argv:   k.Command,
		Dir:    s.dir,
		Env:    s.env(k),
		Stdout: out,
		Grace:  time.Second,
	})
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case limited.Err() != nil && err != nil:
		return nil, context.Cause(limited)
	case out.Over:
		return nil, errTooLarge
	case err != nil:
		return nil, outcome(err)
	case out.cut:
		return nil, errors.New("it ended, but something that it started still has its output open, so its value may lack the end: have it wait for that, or give that another output")
	}
	return out.Bytes(), checkPrinted(out.Bytes())
}

func (s commandSource) env(k settings.Key) []string {
	return []string{"FLAKEOPS_NODE=" + s.node, "FLAKEOPS_KEY=" + k.Attr}
}

// byHand is what an operator types into a shell to have the same command run.
func (s commandSource) byHand(k settings.Key) string {
	return "cd " + run.Quote([]string{s.dir}) + " && env " + run.Quote(append(s.env(k), k.Command...))
}

// commandError is a command that gave no value. Nothing that the command wrote
// is part of it: that may be the value, or a part of it in any form.
type commandError struct {
	program string
	err     error
	byHand  string // shell line
}

func (e *commandError) Error() string { return fmt.Sprintf("keyCommand %s: %v", e.program, e.err) }
func (e *commandError) Unwrap() error { return e.err }

// outcome is how a command ended, without what it wrote.
func outcome(err error) error {
	var failed *run.Error
	switch {
	case !errors.As(err, &failed):
		return errors.New("it cannot be run")
	case failed.Err != nil:
		return failed.Err
	}
	return fmt.Errorf("exit status %d", failed.Code)
}

func checkPrinted(value []byte) error {
	if blank(value) {
		return errors.New("it printed nothing, though it says that it succeeded")
	}
	return checkValue(value)
}

// printed is what a command prints, up to the length of a value.
type printed struct {
	run.Head
	full func() // called when there is more
	cut  bool   // its end was not waited for
}

// ReadFrom is how what a process writes arrives here, and how its end is told
// from a pipe that was closed on it.
func (p *printed) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(&p.Head, r)
	if p.cut = err != nil; p.Over {
		p.full()
	}
	return n, err
}
