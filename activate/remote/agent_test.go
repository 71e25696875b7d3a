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
	ring, ok := agent.NewKeyring().(agent.ExtendedAgent)
	if !ok {
		t.Fatal("no keyring that signs with flags")
	}
	must(t, ring.Add(agent.AddedKey{PrivateKey: k.raw}))
	u := untouched{ring, make(chan struct{}, 1), make(chan struct{})}
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
