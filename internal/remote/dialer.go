package remote

import (
	"context"
	"errors"
	"sync"
	"time"

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
// passwords that were typed and the host keys that were accepted, so that no
// question is asked twice in one run.
// ControlMaster and ControlPath of ssh_config are ignored: a connection is
// never shared with another process. So are SendEnv, forwardings and
// RemoteCommand, which have nothing to do with deploying.
type Dialer struct {
	SSH    string     // the ssh program asked for its configuration; empty means "ssh"
	Runner run.Runner // runs SSH, and getent; nil means run.Local{}
	Extra  []string   // options that come before all others: NIX_SSHOPTS, split
	Prompt Prompter   // nil: nobody to ask
	Log    zerolog.Logger

	asking    turn     // one question at a time
	keys      keyring  // opened key files
	passwords secrets  // of accounts, for ssh and for sudo
	hosts     sync.Map // hostKeys.id of the keys that were accepted
}

// addressLead is how long one address is tried alone before the next one is
// tried beside it. A host that changed its address drops what is sent to the
// old one without a word, and a confirm has no ConnectTimeout to lose on it.
const addressLead = time.Second

// Dial connects to t.Host or one of t.Alternates, always by a new TCP
// connection and handshake, and returns the first connection that works. Each
// address is tried when the one before it failed, or has led for addressLead.
// The errors of all are joined; errors.As finds *UnreachableError,
// *HostKeyError and *AuthError among them.
func (d *Dialer) Dial(ctx context.Context, t Target) (*Conn, error) {
	if err := t.validate(); err != nil {
		return nil, err
	}
	hosts := append([]string{t.Host}, t.Alternates...)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan dialed, len(hosts))
	failed := make([]error, 0, len(hosts))
	started := 0
	start := func() {
		go func(host string) { results <- d.dialOne(ctx, t, host) }(hosts[started])
		started++
	}
	start()
	for len(failed) < len(hosts) {
		lead := time.NewTimer(addressLead)
		select {
		case r := <-results:
			if r.err == nil {
				cancel()
				go closeLosers(results, started-len(failed)-1)
				lead.Stop()
				return d.newConn(t, r.link), nil
			}
			failed = append(failed, r.err)
			if len(failed) == started && started < len(hosts) && ctx.Err() == nil {
				start()
			}
		case <-lead.C:
			if started < len(hosts) {
				start()
			}
		}
		lead.Stop()
		if ctx.Err() != nil && len(failed) == started {
			break
		}
	}
	if len(failed) == 1 {
		return nil, failed[0]
	}
	return nil, errors.Join(failed...)
}

// dialed is how the attempt at one address ended.
type dialed struct {
	link *link
	err  error
}

func (d *Dialer) dialOne(ctx context.Context, t Target, host string) dialed {
	l, err := d.connect(ctx, t.Node, destination{
		Host: host, Port: t.Port, User: t.User, Before: d.Extra, Options: t.Options,
	}, 0)
	if err != nil {
		d.Log.Debug().Err(err).Str("node", t.Node).Str("host", host).Msg("cannot connect")
	}
	return dialed{l, err}
}

// closeLosers hangs up on the addresses that came second.
func closeLosers(results <-chan dialed, n int) {
	for range n {
		if r := <-results; r.err == nil {
			r.link.close()
		}
	}
}
