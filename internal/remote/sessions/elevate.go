package sessions

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"flakeops/internal/remote/ask"
	"flakeops/internal/run"
)

const (
	// startTimeout is how long a host may take to start a command, or to ask for
	// a password; questions to the operator do not count.
	startTimeout = time.Minute
	sudoTries    = 3
)

// errNoCommand is a node whose settings give no way to become root.
var errNoCommand = errors.New("deployment.privilegeEscalationCommand is empty")

// elevated runs commands as root by way of the line's elevation command.
type elevated struct{ *Conn }

// Run is Conn.Run as root.
func (e *elevated) Run(ctx context.Context, cmd run.Command) (run.Result, error) {
	up := e.line.Elevate
	if len(up) == 0 {
		err := &ElevationError{User: e.User(), Err: errNoCommand}
		return failed(run.Error{Argv: cmd.Argv, Code: -1, Err: err})
	}
	return e.command(ctx, cmd, up)
}

// passwords answers sudo's questions during one command.
type passwords struct {
	conn *Conn
	ctx  context.Context
	sent *string
	n    int
}

// next gives the password to send; sudo asked before in vain if one was sent.
func (p *passwords) next() (string, error) {
	user := p.conn.User()
	if p.n++; p.n > sudoTries {
		return "", fmt.Errorf("sudo refused the password of %s %d times", user, sudoTries)
	}
	prompt := fmt.Sprintf("sudo password for %s on %s: ", user, p.conn.line.Node)
	if p.sent != nil {
		prompt = "wrong; " + prompt
	}
	v, err := p.secret().Get(p.ctx, p.sent, func() (string, error) { return p.conn.line.Operator.Secret(p.ctx, prompt) })
	switch {
	case err != nil && p.ctx.Err() != nil:
		return "", err
	case err != nil: // whoever was to ask says why not in words of their own
		return "", &passwordError{user, err}
	case strings.ContainsAny(v, "\n\x00"):
		p.secret().Forget(p.ctx, v)
		return "", errors.New("the sudo password has a line end in it")
	}
	p.sent = &v
	return v, nil
}

func (p *passwords) secret() *ask.Secret {
	return p.conn.line.Operator.Passwords.Of("sudo " + p.conn.User() + "@" + p.conn.line.Node)
}

// forget drops a password that did not open the gate.
func (p *passwords) forget() {
	if p.sent != nil {
		p.secret().Forget(context.WithoutCancel(p.ctx), *p.sent)
	}
}
