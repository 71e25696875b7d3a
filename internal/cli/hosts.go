package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"flakeops/activate"
	"flakeops/activate/remote"
	"flakeops/activate/wire"
	"flakeops/flake"
	"flakeops/internal/run"
	"flakeops/keys"
	"flakeops/keys/message"
)

// sshNetwork makes real connections.
type sshNetwork struct {
	dialer *remote.Dialer
	lender *remote.Lender
	nix    *flake.Nix
}

func (s *sshNetwork) Dial(ctx context.Context, n flake.Node) (host, error) {
	t := target(n)
	conn, err := s.dialer.Dial(ctx, t)
	if err != nil {
		return nil, err
	}
	return &sshHost{net: s, target: t, conn: conn}, nil
}

// target translates a node's settings into what is dialled.
func target(n flake.Node) remote.Target {
	d := n.Deployment
	t := remote.Target{
		Node:       n.Name,
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

// sshHost is a host over one such connection.
type sshHost struct {
	net    *sshNetwork
	target remote.Target
	conn   *remote.Conn
}

func (h *sshHost) Address() string { return h.conn.Host() }

func (h *sshHost) Close() error { return h.conn.Close() }

// Facts are read as root, though any user could read them: a user who cannot
// become root is found out now, and a password is asked for, before anything
// was pushed.
func (h *sshHost) Facts(ctx context.Context, paths ...string) (activate.Facts, error) {
	return activate.ReadFacts(ctx, h.conn.Root(), paths...)
}

func (h *sshHost) Survey(ctx context.Context, q activate.Question) (activate.Survey, error) {
	return activate.ReadSurvey(ctx, h.conn.Root(), q)
}

// Push runs nix copy, whose ssh is this connection. Of what goes wrong on the
// host, the host's own words are told: nix only sees a program that ends.
func (h *sshHost) Push(ctx context.Context, p parcel) error {
	silence := pushSilence
	if p.substitute {
		silence = fetchSilence
	}
	name, takeBack := h.net.lender.Lend(h.conn, silence)
	err := h.net.nix.Copy(ctx, flake.Copy{
		Store:      "ssh://" + name,
		Paths:      p.paths,
		Derivation: p.derivation,
		Substitute: p.substitute,
		Env:        h.net.lender.Env(),
		Progress:   p.progress,
	})
	return pushError(err, takeBack(), name, h.Address())
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
	log := &wire.LineWriter{Line: line}
	defer log.Flush()
	_, err := h.conn.Root().Run(ctx, run.Command{Argv: []string{"nix-store", "--realise", drv}, Stderr: log})
	return err
}

func (h *sshHost) DryActivate(ctx context.Context, system string, line func(string)) error {
	return activate.DryActivate(ctx, h.conn.Root(), system, line)
}

// Activate confirms over connections that are dialled anew.
func (h *sshHost) Activate(ctx context.Context, req wire.Request, observe func(wire.Event)) (wire.Event, error) {
	return activate.Run(ctx, h.activating(), req, observe)
}

// activating is the host as package activate takes it.
func (h *sshHost) activating() activate.Host {
	return activate.Host{Link: h.conn, Dial: func(ctx context.Context) (activate.Link, error) {
		conn, err := h.net.dialer.Dial(ctx, h.target)
		if err != nil {
			return nil, err
		}
		return conn, nil
	}}
}

func (h *sshHost) SendKeys(ctx context.Context, agent string, m message.Message) (message.Reply, error) {
	return keys.Send(ctx, h.conn.Root(), agent, m)
}

func (h *sshHost) Reboot(ctx context.Context) error { return activate.Reboot(ctx, h.conn) }

// AwaitBoot puts the new connection into the place of the old one.
func (h *sshHost) AwaitBoot(ctx context.Context, previous string) (activate.Facts, error) {
	l, facts, err := activate.AwaitBoot(ctx, h.activating(), previous)
	if err != nil {
		return facts, err
	}
	_ = h.conn.Close()
	conn, ok := l.(*remote.Conn)
	if !ok {
		return facts, fmt.Errorf("a connection of another kind: %T", l)
	}
	h.conn = conn
	return facts, nil
}

func (h *sshHost) FailedUnits(ctx context.Context) ([]string, error) {
	return activate.FailedUnits(ctx, h.conn.Root())
}
