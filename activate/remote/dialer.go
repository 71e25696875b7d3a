package remote

import (
	"context"
	"errors"

	"flakeops/internal/run"

	"github.com/rs/zerolog"
)

// Prompter asks the operator. A nil Prompter means that nobody is there.
type Prompter interface {
	// Secret asks for a passphrase or a password, without echo.
	Secret(ctx context.Context, prompt string) (string, error)
	// Confirm asks a question that is answered with yes or no.
	Confirm(ctx context.Context, question string) (bool, error)
}

// Dialer makes connections. It remembers, in memory only, the passphrases and
// passwords that were typed, so that no question is asked twice in one run.
// ControlMaster and ControlPath of ssh_config are ignored: a connection is
// never shared with another process. So are SendEnv, forwardings and
// RemoteCommand, which have nothing to do with deploying.
type Dialer struct {
	SSH    string     // the ssh program asked for its configuration; empty means "ssh"
	Runner run.Runner // runs SSH; nil means run.Local{}
	Extra  []string   // options that come before all others: NIX_SSHOPTS, split
	Prompt Prompter   // nil: nobody to ask
	Log    zerolog.Logger

	asking    turn    // one question at a time
	keys      keyring // opened key files
	passwords secrets // of accounts, for ssh and for sudo
}

// Dial connects to t.Host, then to each of t.Alternates, always by a new TCP
// connection and handshake, and returns the first connection that works. The
// errors of all are joined; errors.As finds *UnreachableError, *HostKeyError
// and *AuthError among them.
func (d *Dialer) Dial(ctx context.Context, t Target) (*Conn, error) {
	if err := t.validate(); err != nil {
		return nil, err
	}
	var failed []error
	for _, host := range append([]string{t.Host}, t.Alternates...) {
		l, err := d.connect(ctx, t.Node, destination{
			Host: host, Port: t.Port, User: t.User, Before: d.Extra, Options: t.Options,
		}, 0)
		if err == nil {
			return d.newConn(t, l), nil
		}
		failed = append(failed, err)
		if ctx.Err() != nil {
			break
		}
		d.Log.Debug().Err(err).Str("node", t.Node).Str("host", host).Msg("cannot connect")
	}
	if len(failed) == 1 {
		return nil, failed[0]
	}
	return nil, errors.Join(failed...)
}
