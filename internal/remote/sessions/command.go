package sessions

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"flakeops/internal/run"
)

// command runs cmd on the host: as the login user, or as root by way of up.
//
// Its argv is quoted for a POSIX shell, which reads it from stdin and says so on
// stderr. Only then is the command's own stdin sent. So no byte of that is ever
// read by a startup file, taken for a password, or lost to a shell that reads
// ahead of its script; and while none was sent, a command that does what its
// stdin tells it has done nothing. It costs no round trip: the request for the
// shell and the script go out together (session.go).
func (c *Conn) command(ctx context.Context, cmd run.Command, up []string) (run.Result, error) {
	argv, err := commandLine(cmd)
	if err != nil {
		return failed(run.Error{Argv: cmd.Argv, Code: -1, Err: err})
	}
	outer := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	tail := &run.Tail{Max: stderrTail}
	g := newGate(both(cmd.Stderr, tail))
	defer close(g.ended)
	script, asks := g.plainScript(argv), len(up) > 0
	if asks {
		script = g.elevatedScript(up, argv)
	}
	p := &passwords{conn: c, ctx: ctx}
	var sent atomic.Bool
	code, err := c.session(ctx, shellLine, streams{
		stdout: cmd.Stdout,
		stderr: g,
		grace:  cmd.Grace,
		feed: func(w io.WriteCloser) {
			if _, err := io.WriteString(w, script); err != nil {
				return // the session is over, and tells why
			}
			if cmd.Stdin == nil && !asks {
				_ = w.Close()
			}
			if err := g.wait(ctx, w, p); err != nil {
				cancel(err)
				_ = w.Close()
				return
			}
			sent.Store(true)
			copyInto(cmd.Stdin)(w)
		},
	})
	switch {
	case g.isOpen() && err == nil && code == 0:
		return run.Result{}, nil
	case g.isOpen():
		return failed(run.Error{Argv: cmd.Argv, Code: code, Stderr: tail.String(), Err: err})
	}
	p.forget()
	said := g.said()
	var lost *LostError
	var full *SessionError
	switch {
	case errors.As(err, &lost), errors.As(err, &full), outer.Err() != nil:
		var never *run.NotStartedError
		if cmd.Stdin != nil && !sent.Load() && !errors.As(err, &never) {
			err = &run.NotStartedError{Err: err}
		}
	case g.hasBegun() && asks:
		err = &ElevationError{User: c.User(), Command: up, Err: err}
	default:
		err = &ShellError{User: c.User(), Code: code, Said: said, Err: err}
		said = ""
	}
	return failed(run.Error{Argv: cmd.Argv, Code: -1, Stderr: said, Err: err})
}

func failed(e run.Error) (run.Result, error) { return run.Result{Code: e.Code}, &e }
