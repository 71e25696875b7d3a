package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"flakeops/internal/remote/ask"
	"flakeops/internal/remote/auth"
	"flakeops/internal/remote/resolve"
	"flakeops/internal/remote/sessions"
	"flakeops/internal/remote/trust"

	"github.com/rs/zerolog"
	"golang.org/x/crypto/ssh"
)

// clientVersion is how this program introduces itself to hosts.
const clientVersion = "SSH-2.0-flakeops"

// link is an authenticated SSH connection, with those it runs through.
type link struct {
	client *ssh.Client
	config *resolve.Config
	conn   *watched
	via    *link // the jump host, if there is one
}

// close ends the transport at the bottom first, so that closing what runs over
// it cannot wait for a peer that is gone.
func (l *link) close() {
	if l.via != nil {
		l.via.close()
	}
	_ = l.conn.Close()
	_ = l.client.Close()
}

// line is the link as sessions use it.
func (l *link) line(t resolve.Target, o *ask.Operator) sessions.Line {
	return sessions.Line{
		Client: l.client, HangUp: l.close, Heard: l.conn.heard.Load,
		Host: l.config.Addr(), User: l.config.User, Alive: l.config.Alive, AliveCount: l.config.AliveCount,
		Elevate: t.Elevate, Node: t.Node, Operator: o,
	}
}

// watched is a connection that knows when it last heard from its peer, and lets
// the peer know in turn.
type watched struct {
	net.Conn
	ack   func()       // nil: the kernel acknowledges when it likes
	heard atomic.Int64 // Unix nanoseconds
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if n > 0 {
		w.heard.Store(time.Now().UnixNano())
		if w.ack != nil {
			w.ack()
		}
	}
	return n, err
}

// attempt is a target on the way to a connection.
type attempt struct {
	*Dialer
	node string // for questions
	log  zerolog.Logger
}

// connect resolves dst and connects to it, through its jump hosts if it has any.
// depth counts how many connections wait for this one.
func (a *attempt) connect(ctx context.Context, dst resolve.Destination, depth int) (*link, error) {
	c, err := a.Resolver.Resolve(ctx, dst)
	if err != nil {
		return nil, err
	}
	if c.ProxyJump == "" {
		return a.open(ctx, c, nil)
	}
	via, err := a.jump(ctx, dst, c.ProxyJump, depth)
	if err != nil {
		return nil, err
	}
	l, err := a.open(ctx, c, via)
	if err != nil {
		via.close()
	}
	return l, err
}

// open connects to the host that c describes, over via if it is given, within
// ConnectTimeout.
func (a *attempt) open(ctx context.Context, c *resolve.Config, via *link) (*link, error) {
	outer := ctx
	ctx, clock, done := ask.WithPatience(ctx, c.Timeout)
	defer done()
	conn, err := a.transport(ctx, c, via)
	if err != nil {
		return nil, describe(outer, ctx, c, err, errors.Is(err, syscall.ECONNREFUSED))
	}
	l, err := a.handshake(ctx, c, conn, clock)
	if err != nil {
		_ = conn.Close()
		return nil, describe(outer, ctx, c, err, true)
	}
	l.via = via
	return l, nil
}

// describe makes an *UnreachableError of what the network did. outer is the
// caller's context, inner the one with the timeout; up says whether something is there.
func describe(outer, inner context.Context, c *resolve.Config, err error, up bool) error {
	var late *ask.TimeoutError
	switch {
	case outer.Err() != nil:
		return fmt.Errorf("connecting to %s: %w", c.Addr(), context.Cause(outer))
	case errors.As(context.Cause(inner), &late):
		return &UnreachableError{Host: c.Addr(), Up: up, Err: late}
	case errors.Is(err, io.EOF):
		return &UnreachableError{Host: c.Addr(), Up: up, Err: errHungUp}
	case networkError(err):
		return &UnreachableError{Host: c.Addr(), Up: up, Err: err}
	}
	if errors.As(err, new(*trust.HostKeyError)) || errors.As(err, new(*auth.Error)) {
		return err
	}
	return fmt.Errorf("connecting to %s: %w", c.Addr(), err)
}

// errHungUp is a host, or something on the way, that will not speak SSH now.
var errHungUp = errors.New("the connection was closed during the handshake")

func networkError(err error) bool {
	var ne net.Error
	var open *ssh.OpenChannelError
	return errors.As(err, &ne) || errors.As(err, &open) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, net.ErrClosed) ||
		errors.As(err, new(*proxyError))
}

// handshake exchanges keys, checks the host and authenticates.
func (a *attempt) handshake(ctx context.Context, c *resolve.Config, conn net.Conn, clock *ask.Patience) (*link, error) {
	checker := &trust.Checker{Config: c, Node: a.node, Operator: &a.Operator, Accepted: &a.accepted, Pause: clock.Pause, Log: a.log}
	if err := checker.Load(ctx); err != nil {
		return nil, err
	}
	cc, err := checker.ClientConfig()
	if err != nil {
		return nil, err
	}
	login := &auth.Authenticator{Config: c, Node: a.node, Operator: &a.Operator, Keys: &a.keys, Pause: clock.Pause}
	login.Collect(ctx)
	cc.ClientVersion, cc.AuthCallback = clientVersion, login.Choose
	cc.BannerCallback = func(message string) error {
		a.log.Info().Str("banner", strings.TrimSpace(message)).Msg("the host greets")
		return nil
	}
	w := &watched{Conn: conn, ack: acknowledger(conn)}
	stop := context.AfterFunc(ctx, func() { _ = w.Close() })
	defer stop()
	sc, chans, reqs, err := ssh.NewClientConn(w, c.Addr(), cc)
	switch {
	case err == nil && !stop():
		_ = sc.Close()
		return nil, context.Cause(ctx)
	case err == nil:
		return &link{client: ssh.NewClient(sc, chans, reqs), config: c, conn: w}, nil
	case checker.Refused() != nil:
		return nil, checker.Refused()
	case !checker.Passed() || networkError(err) && !login.GaveUp():
		return nil, err
	}
	return nil, login.Failure(errors.Unwrap(err))
}
