package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"flakeops/activate"
	"flakeops/activate/wire"
	"flakeops/flake"
	"flakeops/internal/remote"
	"flakeops/internal/remote/lend"
	"flakeops/internal/remote/resolve"
	"flakeops/internal/remote/sessions"
	"flakeops/internal/run"
	"flakeops/internal/settings"
	"flakeops/keys"
	"flakeops/keys/message"
)

// sshNetwork makes real connections.
type sshNetwork struct {
	dialer *remote.Dialer
	lender *lend.Lender
	nix    *flake.Nix
	giveUp <-chan struct{} // closed when no host is waited for any more
}

func (s *sshNetwork) Dial(ctx context.Context, node string, to settings.Settings) (host, error) {
	t := target(node, to)
	conn, err := s.dialer.Dial(ctx, t)
	if err != nil {
		return nil, err
	}
	return &sshHost{net: s, target: t, conn: conn}, nil
}

// target translates a node's settings into what is dialled.
func target(node string, d settings.Settings) resolve.Target {
	t := resolve.Target{
		Node:       node,
		Alternates: d.AlternateHosts,
		User:       d.TargetUser,
		Options:    d.SSHOptions,
		Elevate:    d.PrivilegeEscalationCommand,
	}
	if d.TargetHost != nil {
		t.Host = *d.TargetHost
	}
	if d.TargetPort != nil {
		t.Port = *d.TargetPort
	}
	return t
}

// sshHost is a host over one connection at a time: the newest one that is known
// to work.
type sshHost struct {
	net    *sshNetwork
	target resolve.Target

	mu   sync.Mutex
	conn *sessions.Conn
}

func (h *sshHost) Address() string { return h.current().Host() }

func (h *sshHost) Close() error { return h.current().Close() }

func (h *sshHost) current() *sessions.Conn {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.conn
}

// live is the connection for the next step: one that broke after the last is
// replaced, for nothing was lost with it.
func (h *sshHost) live(ctx context.Context) (*sessions.Conn, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case <-h.conn.Done():
	default:
		return h.conn, nil
	}
	ctx, cancel := within(ctx, dialDeadline, "connecting again")
	defer cancel()
	conn, err := h.net.dialer.Dial(ctx, h.target)
	if err != nil {
		return nil, because(ctx, err)
	}
	h.conn = conn
	return conn, nil
}

// adopt puts a connection into the place of the one so far.
func (h *sshHost) adopt(l activate.Link) {
	conn, ok := l.(*sessions.Conn)
	if !ok {
		_ = l.Close()
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	_ = h.conn.Close()
	h.conn = conn
}

// root runs a command over the connection at hand.
func (h *sshHost) root(ctx context.Context) (run.Runner, error) {
	conn, err := h.live(ctx)
	if err != nil {
		return nil, err
	}
	return conn.Root(), nil
}

// Facts are read as root, though any user could read them: a user who cannot
// become root is found out now, and a password is asked for, before anything
// was pushed.
func (h *sshHost) Facts(ctx context.Context, paths ...string) (activate.Facts, error) {
	root, err := h.root(ctx)
	if err != nil {
		return activate.Facts{}, err
	}
	return activate.ReadFacts(ctx, root, paths...)
}

func (h *sshHost) Survey(ctx context.Context, q activate.Question) (activate.Survey, error) {
	root, err := h.root(ctx)
	if err != nil {
		return activate.Survey{}, err
	}
	return activate.ReadSurvey(ctx, root, q)
}

// Push runs nix copy, whose ssh is this connection. Of what goes wrong on the
// host, the host's own words are told: nix only sees a program that ends, also
// where the connection broke.
func (h *sshHost) Push(ctx context.Context, p parcel) error {
	conn, err := h.live(ctx)
	if err != nil {
		return err
	}
	silence := pushSilence
	if p.substitute {
		silence = fetchSilence
	}
	name, takeBack := h.net.lender.Lend(conn.Root(), silence)
	err = h.net.nix.Copy(ctx, flake.Copy{
		Store:      "ssh://" + name,
		Paths:      p.paths,
		Derivation: p.derivation,
		Substitute: p.substitute,
		Env:        h.net.lender.Env(),
		Progress:   p.progress,
	})
	err = pushError(err, takeBack(), name, conn.Host())
	if err == nil || ctx.Err() != nil || errors.As(err, new(*sessions.LostError)) {
		return err
	}
	if lost := conn.Lost(); lost != nil {
		return fmt.Errorf("%w: %w", lost, err)
	}
	return err
}

// pushError is why a copy failed: there is what the host's side said. The name
// that was lent to nix means nothing to anybody.
func pushError(err, there error, lent, address string) error {
	var failed *flake.CopyError
	if !errors.As(err, &failed) {
		return err
	}
	plain := strings.NewReplacer(lent, address)
	failed.Store, failed.Message = plain.Replace(failed.Store), plain.Replace(failed.Message)
	for i, line := range failed.Said {
		failed.Said[i] = plain.Replace(line)
	}
	if there == nil {
		return err
	}
	return fmt.Errorf("nix copy: %w\n  > nix: %s", there, failed.Message)
}

func (h *sshHost) Realise(ctx context.Context, drv string, line func(string)) error {
	root, err := h.root(ctx)
	if err != nil {
		return err
	}
	return activate.Realise(ctx, root, drv, line)
}

func (h *sshHost) DryActivate(ctx context.Context, system string, line func(string)) error {
	root, err := h.root(ctx)
	if err != nil {
		return err
	}
	return activate.DryActivate(ctx, root, system, line)
}

// Activate confirms over connections that are dialled anew. The one that confirmed
// is the host's from then on: it came after whatever the activation did to others.
func (h *sshHost) Activate(ctx context.Context, req wire.Request, observe func(wire.Event)) (wire.Event, error) {
	conn, err := h.live(ctx)
	if err != nil {
		return wire.Event{}, err
	}
	return activate.Run(ctx, h.activating(conn), req, observe)
}

// activating is the host as package activate takes it.
func (h *sshHost) activating(conn *sessions.Conn) activate.Host {
	return activate.Host{
		Link: conn,
		Dial: func(ctx context.Context) (activate.Link, error) {
			conn, err := h.net.dialer.Dial(ctx, h.target)
			if err != nil {
				return nil, err
			}
			return conn, nil
		},
		Adopt:  h.adopt,
		GiveUp: h.net.giveUp,
	}
}

func (h *sshHost) SendKeys(ctx context.Context, agent string, m message.Message) (message.Reply, error) {
	root, err := h.root(ctx)
	if err != nil {
		return message.Reply{}, err
	}
	return keys.Send(ctx, root, agent, m)
}

func (h *sshHost) Reboot(ctx context.Context) error {
	conn, err := h.live(ctx)
	if err != nil {
		return err
	}
	return activate.Reboot(ctx, conn)
}

// AwaitBoot puts the new connection into the place of the old one.
func (h *sshHost) AwaitBoot(ctx context.Context, previous string) (activate.Facts, error) {
	l, facts, err := activate.AwaitBoot(ctx, h.activating(h.current()), previous)
	if err == nil {
		h.adopt(l)
	}
	return facts, err
}

func (h *sshHost) FailedUnits(ctx context.Context) ([]string, error) {
	root, err := h.root(ctx)
	if err != nil {
		return nil, err
	}
	return activate.FailedUnits(ctx, root)
}
