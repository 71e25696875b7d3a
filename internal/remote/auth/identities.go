package auth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// agentListTimeout bounds the one question to the agent that never waits for a person.
const agentListTimeout = 10 * time.Second

// offer is one key, with its name for messages.
type offer struct {
	name   string
	signer *signer
}

// Collect finds what can be offered. OpenSSH's order is: certificates
// that are configured, certificates that lie beside keys, keys of the agent
// that are configured, the agent's other keys (unless IdentitiesOnly), and
// keys that only a file has. The connection to the agent lives as long as ctx.
func (a *Authenticator) Collect(ctx context.Context) {
	a.ctx = ctx
	held := a.openAgent()
	var files []*keyFile
	for _, path := range a.Config.IdentityFiles {
		f, err := readKeyFile(path)
		switch {
		case err == nil:
			files = append(files, f)
		case !errors.Is(err, fs.ErrNotExist):
			a.skipped = append(a.skipped, fmt.Sprintf("%s (%v)", path, cause(err)))
		}
	}
	b := &offerBuilder{Authenticator: a, agent: held, files: files, seen: make(map[string]bool)}
	for _, path := range a.Config.CertFiles {
		b.certificate(path, nil)
	}
	for _, f := range files {
		b.certificate(f.path+"-cert.pub", f)
	}
	for _, f := range files {
		if k := find(held, f.pub); k != nil {
			b.held(*k)
		}
	}
	for _, k := range held {
		if !a.Config.IdentitiesOnly {
			b.held(k)
		}
	}
	for _, f := range files {
		b.file(f)
	}
}

// heldKey is a key in the agent.
type heldKey struct {
	ssh.Signer
	pub     ssh.PublicKey // parsed: a certificate is an *ssh.Certificate
	comment string
}

// openAgent lists the keys of the agent; an agent that does not answer has none.
func (a *Authenticator) openAgent() []heldKey {
	path := a.Config.AgentSocket()
	if path == "" {
		return nil
	}
	nd := net.Dialer{Timeout: agentListTimeout}
	conn, err := nd.DialContext(a.ctx, "unix", path)
	if err != nil {
		a.skipped = append(a.skipped, fmt.Sprintf("the agent at %s (%v)", path, cause(err)))
		return nil
	}
	// A touch that nobody gives must not keep the caller: an agent that signs
	// has no deadline but ctx.
	context.AfterFunc(a.ctx, func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(agentListTimeout))
	client := agent.NewClient(conn)
	listed, err := client.List()
	if err != nil {
		a.skipped = append(a.skipped, fmt.Sprintf("the agent at %s (%v)", path, err))
		return nil
	}
	signers, err := client.Signers()
	_ = conn.SetDeadline(time.Time{})
	if err != nil || len(signers) != len(listed) {
		return nil
	}
	var held []heldKey
	for n, s := range signers {
		pub, err := ssh.ParsePublicKey(s.PublicKey().Marshal())
		if err != nil {
			continue // a kind of key that is not known here
		}
		held = append(held, heldKey{s, pub, listed[n].Comment})
	}
	return held
}

func find(held []heldKey, pub ssh.PublicKey) *heldKey {
	for n := range held {
		if pub != nil && bytes.Equal(held[n].pub.Marshal(), pub.Marshal()) {
			return &held[n]
		}
	}
	return nil
}

// cause drops the path that errors of package os repeat.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
