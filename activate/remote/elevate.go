package remote

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"flakeops/internal/run"
)

const (
	// elevateTimeout is how long the elevation command may take before it
	// starts the real one, or asks; questions to the operator do not count.
	elevateTimeout = 30 * time.Second
	sudoTries      = 3
)

// announce tells, on stderr, that elevation is over, and becomes the command.
// Only then is the command's stdin sent, so that no byte of it is ever taken
// for a password, nor a password for data.
const announce = `echo "$0" >&2; exec "$@"`

// errNoCommand is a node whose settings give no way to become root.
var errNoCommand = errors.New("deployment.privilegeEscalationCommand is empty")

// elevated runs commands as root by way of the target's elevation command.
type elevated struct{ *Conn }

// Run is Conn.Run as root.
func (e *elevated) Run(ctx context.Context, cmd run.Command) (run.Result, error) {
	argv, err := commandLine(cmd)
	if err == nil && len(e.target.Elevate) == 0 {
		err = &ElevationError{Node: e.target.Node, User: e.User(), Err: errNoCommand}
	}
	if err != nil {
		return failed(cmd, -1, "", err)
	}
	outer := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	tail := &run.Tail{Max: stderrTail}
	g := newGate(both(cmd.Stderr, tail))
	p := &passwords{conn: e.Conn, ctx: ctx}
	defer close(g.ended)
	code, err := e.session(ctx, e.line(argv, g), streams{
		stdout: cmd.Stdout,
		stderr: g,
		grace:  cmd.Grace,
		feed: func(w io.WriteCloser) {
			if err := g.wait(ctx, w, p); err != nil {
				cancel(err)
				_ = w.Close()
				return
			}
			copyInto(cmd.Stdin)(w)
		},
	})
	if err == nil && code == 0 && g.isOpen() {
		return run.Result{}, nil
	}
	stderr := tail.String()
	if !g.isOpen() {
		p.forget()
		stderr = g.said()
		var lost *LostError
		if err == nil || !errors.As(err, &lost) && outer.Err() == nil {
			err = &ElevationError{Node: e.target.Node, User: e.User(), Command: e.target.Elevate, Err: err}
		}
		code = -1
	}
	return failed(cmd, code, stderr, err)
}

// line is the shell line that elevates. A login user with another name who is
// root already is left alone.
func (e *elevated) line(argv []string, g *gate) string {
	up := e.target.Elevate
	if path.Base(up[0]) == "sudo" {
		// -k: whatever sudo remembers, it either needs no password or asks for
		// it, so the prompt is always seen before a password is sent.
		up = append([]string{up[0], "-k", "-S", "-p", g.ask}, up[1:]...)
	}
	script := fmt.Sprintf(`if [ "$(id -u)" = 0 ]; then exec sh -c %[2]s "$@"; else exec %[1]s sh -c %[2]s "$@"; fi`,
		run.Quote(up), run.Quote([]string{announce}))
	return "exec " + run.Quote(append([]string{"sh", "-c", script, "flakeops", g.start}, argv...))
}

// marker is a word that no other program prints.
func marker(what string) string { return "flakeops-" + what + "-" + rand.Text() }

// passwords answers sudo's questions during one command.
type passwords struct {
	conn *Conn
	ctx  context.Context
	sent *string
	n    int
}

// next gives the password to send; sudo asked before in vain if one was sent.
func (p *passwords) next() (string, error) {
	node, user := p.conn.target.Node, p.conn.User()
	if p.n++; p.n > sudoTries {
		return "", fmt.Errorf("%s: sudo refused the password of %s %d times", node, user, sudoTries)
	}
	prompt := fmt.Sprintf("sudo password for %s on %s: ", user, node)
	if p.sent != nil {
		prompt = "wrong; " + prompt
	}
	v, err := p.secret().get(p.ctx, p.sent, func() (string, error) { return p.conn.dialer.secret(p.ctx, prompt) })
	switch {
	case err != nil && p.ctx.Err() != nil:
		return "", err
	case err != nil: // whoever was to ask says why not in words of their own
		return "", fmt.Errorf("%s: sudo wants the password of %s, and %w; run flakeops on a terminal, or let %s use sudo without a password", node, user, err, user)
	case strings.ContainsAny(v, "\n\x00"):
		p.secret().forget(p.ctx, v)
		return "", fmt.Errorf("%s: the sudo password has a line end in it", node)
	}
	p.sent = &v
	return v, nil
}

func (p *passwords) secret() *secret {
	return p.conn.dialer.passwords.of("sudo " + p.conn.User() + "@" + p.conn.target.Node)
}

// forget drops a password that did not open the gate.
func (p *passwords) forget() {
	if p.sent != nil {
		p.secret().forget(context.WithoutCancel(p.ctx), *p.sent)
	}
}
