package remote

import (
	"context"
	"errors"
	"time"

	"flakeops/internal/remote/ask"
	"flakeops/internal/remote/auth"
	"flakeops/internal/remote/resolve"
	"flakeops/internal/remote/sessions"
	"flakeops/internal/remote/trust"

	"github.com/rs/zerolog"
)

// Dialer makes connections. It remembers, in memory only, the passphrases and
// passwords that were typed and the host keys that were accepted, so that no
// question is asked twice in one run.
type Dialer struct {
	Resolver resolve.Resolver
	Extra    []string     // options that come before all others: NIX_SSHOPTS, split
	Operator ask.Operator // who is asked, and what was answered
	Log      zerolog.Logger

	keys     auth.Keyring
	accepted trust.Accepted
}

// addressLead is how long one address is tried alone before the next one is
// tried beside it. A host that changed its address drops what is sent to the
// old one without a word, and a confirm has no ConnectTimeout to lose on it.
const addressLead = time.Second

// Dial connects to t.Host or one of t.Alternates, always by a new TCP
// connection and handshake, and returns the first connection that works. Each
// address is tried when the one before it failed, or has led for addressLead.
// The errors of all are joined; errors.As finds *UnreachableError,
// *trust.HostKeyError and *auth.Error among them.
func (d *Dialer) Dial(ctx context.Context, t resolve.Target) (*sessions.Conn, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	hosts := append([]string{t.Host}, t.Alternates...)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan dialed, len(hosts))
	failed := make([]error, 0, len(hosts))
	started := 0
	a := &attempt{d, t.Node, d.Log.With().Str("node", t.Node).Logger()}
	start := func() {
		go func(host string) {
			l, err := a.connect(ctx, resolve.Destination{Host: host, Port: t.Port, User: t.User, Before: d.Extra, Options: t.Options}, 0)
			if err != nil {
				a.log.Debug().Err(err).Str("host", host).Msg("cannot connect")
			}
			results <- dialed{l, err}
		}(hosts[started])
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
				return sessions.New(r.link.line(t, &d.Operator)), nil
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

// closeLosers hangs up on the addresses that came second.
func closeLosers(results <-chan dialed, n int) {
	for range n {
		if r := <-results; r.err == nil {
			r.link.close()
		}
	}
}
