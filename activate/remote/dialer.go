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

// Dialer makes connections.
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
// connection and handshake, and returns the first connection that works.
func (d *Dialer) Dial(ctx context.Context, t Target) (*Conn, error) {
	return nil, errors.New("not implemented")
}
