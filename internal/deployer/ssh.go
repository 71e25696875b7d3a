package deployer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"flakeops/flake/nix"
	"flakeops/flake/store"
	"flakeops/internal/fleet"
	"flakeops/internal/limit"
	"flakeops/internal/remote"
	"flakeops/internal/remote/lend"
	"flakeops/internal/remote/resolve"
	"flakeops/internal/remote/sessions"
	"flakeops/internal/run"
	"flakeops/internal/settings"
)

// sshNetwork makes real connections.
type sshNetwork struct {
	dialer *remote.Dialer
	lender *lend.Lender
	nix    *nix.Programs
}

func (s *sshNetwork) Dial(ctx context.Context, node string, to settings.Settings) (fleet.Host, error) {
	return s.dial(ctx, target(node, to))
}

func (s *sshNetwork) dial(ctx context.Context, t resolve.Target) (fleet.Host, error) {
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

// sshHost is a host over one connection at a time.
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

// Fresh dials every address the host may have.
func (h *sshHost) Fresh(ctx context.Context) (fleet.Host, error) { return h.net.dial(ctx, h.target) }

// live is the connection for the next step: one that broke after the last is
// replaced.
func (h *sshHost) live(ctx context.Context) (*sessions.Conn, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case <-h.conn.Done():
	default:
		return h.conn, nil
	}
	ctx, cancel := limit.Within(ctx, fleet.DialDeadline, "connecting again")
	defer cancel()
	conn, err := h.net.dialer.Dial(ctx, h.target)
	if err != nil {
		return nil, limit.Because(ctx, err)
	}
	h.conn = conn
	return conn, nil
}

func (h *sshHost) Root() run.Runner { return sshRunner{h, (*sessions.Conn).Root} }

func (h *sshHost) User() run.Runner {
	return sshRunner{h, func(c *sessions.Conn) run.Runner { return c }}
}

// sshRunner runs commands over the host's live connection.
type sshRunner struct {
	host *sshHost
	as   func(*sessions.Conn) run.Runner
}

func (r sshRunner) Run(ctx context.Context, c run.Command) (run.Result, error) {
	conn, err := r.host.live(ctx)
	if err != nil {
		return run.Result{Code: -1}, &run.NotStartedError{Err: err}
	}
	return r.as(conn).Run(ctx, c)
}

// Copy runs nix copy, whose ssh is this connection. Of what goes wrong on the
// host, the host's own words are told: nix only sees a program that ends, also
// where the connection broke.
func (h *sshHost) Copy(ctx context.Context, c store.Copy) error {
	conn, err := h.live(ctx)
	if err != nil {
		return err
	}
	silence := pushSilence
	if c.Substitute {
		silence = fetchSilence
	}
	name, takeBack := h.net.lender.Lend(conn.Root(), silence)
	c.Store, c.Env = "ssh://"+name, h.net.lender.Env()
	err = store.Local{Programs: h.net.nix}.Copy(ctx, c)
	err = copyError(err, takeBack(), name, conn.Host())
	if err == nil || ctx.Err() != nil || errors.As(err, new(*sessions.LostError)) {
		return err
	}
	if lost := conn.Lost(); lost != nil {
		return fmt.Errorf("%w: %w", lost, err)
	}
	return err
}

// copyError is why a copy failed: there is what the host's side said. The name
// that was lent to nix means nothing to anybody.
func copyError(err, there error, lent, address string) error {
	var failed *store.CopyError
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
