package remote

import (
	"context"
	"errors"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// untouched is an agent whose keys wait for a touch that nobody gives.
type untouched struct {
	agent.ExtendedAgent
	waiting chan struct{} // gets a value for each signature that is waited for
	end     chan struct{}
}

func (u untouched) SignWithFlags(ssh.PublicKey, []byte, agent.SignatureFlags) (*ssh.Signature, error) {
	u.waiting <- struct{}{}
	<-u.end
	return nil, errors.New("not touched")
}

func TestAnAgentThatNeverSignsEndsWithTheContext(t *testing.T) {
	k := newKey(t, "ed25519", "")
	h := startSSHD(t, []key{k})
	u := untouched{holding(t, k), make(chan struct{}, 1), make(chan struct{})}
	defer close(u.end)
	s := newSetup(t, h.known(), h.host("h", "IdentitiesOnly no", "IdentityAgent "+serveAgent(t, u)))

	ctx, cancel := context.WithCancelCause(testContext(t))
	enough := errors.New("enough")
	done := make(chan error, 1)
	go func() {
		_, err := s.Dial(ctx, target("h"))
		done <- err
	}()
	select {
	case <-u.waiting:
	case err := <-done:
		t.Fatalf("nobody asked the agent: %v", err)
	}
	cancel(enough)
	select {
	case err := <-done:
		if !errors.Is(err, enough) {
			t.Error(err)
		}
	case <-time.After(testTimeout):
		t.Error("still waiting for the agent")
	}
}

// slow is an agent whose operator takes their time to touch the key.
type slow struct {
	agent.ExtendedAgent
	touch time.Duration
}

func (s slow) SignWithFlags(key ssh.PublicKey, data []byte, flags agent.SignatureFlags) (*ssh.Signature, error) {
	time.Sleep(s.touch)
	return s.ExtendedAgent.SignWithFlags(key, data, flags)
}

func TestConnectTimeoutDoesNotCountATouch(t *testing.T) {
	t.Parallel()
	k := newKey(t, "ed25519", "")
	h := startSSHD(t, []key{k})
	socket := serveAgent(t, slow{holding(t, k), 4 * time.Second})
	accepted(t, newSetup(t, h.known(), h.host("h", "IdentitiesOnly no", "IdentityAgent "+socket, "ConnectTimeout 3")))
}

func holding(t *testing.T, k key) agent.ExtendedAgent {
	t.Helper()
	ring, ok := agent.NewKeyring().(agent.ExtendedAgent)
	if !ok {
		t.Fatal("no keyring that signs with flags")
	}
	must(t, ring.Add(agent.AddedKey{PrivateKey: k.raw}))
	return ring
}
