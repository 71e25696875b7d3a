package remote

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"flakeops/internal/fault"
	"flakeops/internal/remote/auth"
	"flakeops/internal/run"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// startAgent serves an agent on a socket until the test ends.
func startAgent(t *testing.T, keys ...agent.AddedKey) string {
	t.Helper()
	ring := agent.NewKeyring()
	for _, k := range keys {
		must(t, ring.Add(k))
	}
	return serveAgent(t, ring)
}

func serveAgent(t *testing.T, ring agent.Agent) (socket string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "agent")
	l, err := net.Listen("unix", path)
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_ = agent.ServeAgent(ring, c)
				_ = c.Close()
			}()
		}
	}()
	return path
}

func authError(t *testing.T, s *setup) *auth.Error {
	t.Helper()
	c, err := s.Dial(testContext(t), target("h"))
	if err == nil {
		_ = c.Close()
		t.Fatal("the host let us in")
	}
	var e *auth.Error
	if !errors.As(err, &e) {
		t.Fatalf("not an authentication error: %v", err)
	}
	return e
}

func TestKeyFilesOfAllKinds(t *testing.T) {
	for _, kind := range []string{"ed25519", "ecdsa", "rsa"} {
		k, wrong := newKey(t, kind, ""), newKey(t, "ed25519", "")
		h := startSSHD(t, []key{k})
		accepted(t, newSetup(t, h.known(), h.host("h", "IdentityFile "+wrong.file, "IdentityFile "+k.file)))
	}
}

func TestNothingToOffer(t *testing.T) {
	h := startSSHD(t, nil)
	e := authError(t, newSetup(t, h.known(), h.host("h", "IdentityFile /no/such/key")))
	if e.User != login(t) || len(e.Tried) != 0 {
		t.Errorf("%#v", e)
	}
	contains(t, e.Error(), "nothing to offer", "it accepts publickey")
	contains(t, e.Hint(), fmt.Sprintf("`ssh -l %s -p %d h`", login(t), h.port))
}

func TestAuthErrorListsWhatWasTried(t *testing.T) {
	h := startSSHD(t, nil)
	a, b, open := newKey(t, "ed25519", ""), newKey(t, "ecdsa", ""), newKey(t, "ed25519", "")
	must(t, os.Chmod(open.file, 0o644))
	e := authError(t, newSetup(t, h.known(), h.host("h", "IdentityFile "+a.file, "IdentityFile "+open.file, "IdentityFile "+b.file)))
	if len(e.Tried) != 2 || len(e.Skipped) != 1 {
		t.Fatalf("%#v", e)
	}
	contains(t, e.Tried[0], a.file, a.fingerprint())
	contains(t, e.Tried[1], b.file, b.fingerprint())
	contains(t, e.Skipped[0], open.file, "permissions")
}

func TestPassphraseIsAskedOnce(t *testing.T) {
	k := newKey(t, "ed25519", "right")
	h := startSSHD(t, []key{k})
	s := newSetup(t, h.known(), h.host("h", "IdentityFile "+k.file))
	p := &prompter{secrets: []string{"wrong", "right"}}
	s.Operator.Prompt = p
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			c, err := s.Dial(testContext(t), target("h"))
			if err != nil {
				t.Error(err)
				return
			}
			_ = c.Close()
		})
	}
	wg.Wait()
	q := p.questions()
	if len(q) != 2 {
		t.Fatalf("asked %q", q)
	}
	contains(t, q[0], "passphrase for "+k.file)
	contains(t, q[1], "wrong; passphrase for "+k.file)
}

func TestWrongPassphraseThreeTimesTriesTheNextKey(t *testing.T) {
	locked, good := newKey(t, "ed25519", "right"), newKey(t, "ed25519", "")
	h := startSSHD(t, []key{locked, good})
	s := newSetup(t, h.known(), h.host("h", "IdentityFile "+locked.file, "IdentityFile "+good.file))
	p := &prompter{secrets: []string{"secret-1", "secret-2", "secret-3"}}
	s.Operator.Prompt = p
	accepted(t, s)
	accepted(t, s)
	if n := len(p.questions()); n != 3 {
		t.Errorf("asked %d times, want 3", n)
	}
	write(t, s.config, strings.ReplaceAll(read(t, s.config), " IdentityFile "+good.file+"\n", ""))
	e := authError(t, s)
	contains(t, e.Error(), "wrong passphrase, 3 times")
	if strings.Contains(e.Error(), "secret-") {
		t.Errorf("a passphrase is in: %v", e)
	}
}

func TestPassphraseIsNotAskedForAKeyThatTheHostDoesNotWant(t *testing.T) {
	locked, good := newKey(t, "ed25519", "right"), newKey(t, "ed25519", "")
	h := startSSHD(t, []key{good})
	s := newSetup(t, h.known(), h.host("h", "IdentityFile "+locked.file, "IdentityFile "+good.file))
	p := &prompter{}
	s.Operator.Prompt = p
	accepted(t, s)
	if len(p.questions()) != 0 {
		t.Errorf("asked %q", p.questions())
	}
}

func TestPassphraseWithNobodyToAsk(t *testing.T) {
	k := newKey(t, "ed25519", "right")
	h := startSSHD(t, []key{k})
	contains(t, authError(t, newSetup(t, h.known(), h.host("h", "IdentityFile "+k.file))).Error(), "there is no terminal")

	s := newSetup(t, h.known(), h.host("h", "IdentityFile "+k.file))
	s.Operator.Prompt = &prompter{} // which has its own words for it
	contains(t, authError(t, s).Error(), "it has a passphrase, and no answer is left")

	s = newSetup(t, h.known(), h.host("h", "IdentityFile "+k.file, "BatchMode yes"))
	p := &prompter{secrets: []string{"right"}}
	s.Operator.Prompt = p
	contains(t, authError(t, s).Error(), "BatchMode")
	if len(p.questions()) != 0 {
		t.Errorf("asked %q", p.questions())
	}
}

func TestAgent(t *testing.T) {
	k, other := newKey(t, "rsa", ""), newKey(t, "ed25519", "")
	h := startSSHD(t, []key{k})
	path := startAgent(t, agent.AddedKey{PrivateKey: other.raw}, agent.AddedKey{PrivateKey: k.raw, Comment: "of the agent"})
	accepted(t, newSetup(t, h.known(), h.host("h", "IdentitiesOnly no", "IdentityAgent "+path)))

	// Only what is configured: the public half is enough to choose it.
	only := h.host("h", "IdentityAgent "+path, "IdentityFile "+k.file+".pub")
	write(t, k.file+".pub", k.line()+"\n")
	accepted(t, newSetup(t, h.known(), only))
	if e := authError(t, newSetup(t, h.known(), h.host("h", "IdentityAgent "+path))); len(e.Tried) != 0 {
		t.Errorf("offered %q", e.Tried)
	}

	t.Setenv("SSH_AUTH_SOCK", path)
	accepted(t, newSetup(t, h.known(), h.host("h", "IdentitiesOnly no", "IdentityAgent SSH_AUTH_SOCK")))
	t.Setenv("FLAKEOPS_AGENT", path)
	accepted(t, newSetup(t, h.known(), h.host("h", "IdentitiesOnly no", "IdentityAgent $FLAKEOPS_AGENT")))
	accepted(t, newSetup(t, h.known(), h.host("h", "IdentitiesOnly no", "IdentityAgent ${FLAKEOPS_AGENT}")))
	authError(t, newSetup(t, h.known(), h.host("h", "IdentitiesOnly no", "IdentityAgent none")))
}

func TestAgentThatIsNotThere(t *testing.T) {
	k := newKey(t, "ed25519", "")
	h := startSSHD(t, []key{k})
	accepted(t, newSetup(t, h.known(), h.host("h", "IdentityAgent /no/agent", "IdentityFile "+k.file)))
	contains(t, authError(t, newSetup(t, h.known(), h.host("h", "IdentityAgent /no/agent"))).Error(), "/no/agent")
}

func TestConfiguredAgentKeysGoFirst(t *testing.T) {
	k, many := newKey(t, "ed25519", ""), []agent.AddedKey{}
	for range 10 { // more than sshd's MaxAuthTries
		many = append(many, agent.AddedKey{PrivateKey: newKey(t, "ed25519", "").raw})
	}
	h := startSSHD(t, []key{k})
	path := startAgent(t, append(many, agent.AddedKey{PrivateKey: k.raw})...)
	accepted(t, newSetup(t, h.known(), h.host("h", "IdentitiesOnly no", "IdentityAgent "+path, "IdentityFile "+k.file)))
	shut := startSSHD(t, nil)
	e := authError(t, newSetup(t, shut.known(), shut.host("h", "IdentitiesOnly no", "IdentityAgent "+path, "IdentityFile "+k.file)))
	contains(t, e.Tried[0], "agent key", k.fingerprint())
}

func TestUserCertificates(t *testing.T) {
	ca, k := newKey(t, "ed25519", ""), newKey(t, "rsa", "")
	write(t, ca.file+".pub", ca.line()+"\n")
	h := startSSHD(t, nil, "TrustedUserCAKeys "+ca.file+".pub")
	beside := certify(t, ca, k, ssh.UserCert, login(t))
	accepted(t, newSetup(t, h.known(), h.host("h", "IdentityFile "+k.file)))

	apart := filepath.Join(t.TempDir(), "certificate")
	must(t, os.Rename(beside, apart))
	authError(t, newSetup(t, h.known(), h.host("h", "IdentityFile "+k.file)))
	accepted(t, newSetup(t, h.known(), h.host("h", "IdentityFile "+k.file, "CertificateFile "+apart)))

	// The key in the agent, the certificate in a file.
	path := startAgent(t, agent.AddedKey{PrivateKey: k.raw})
	accepted(t, newSetup(t, h.known(), h.host("h", "IdentityAgent "+path, "CertificateFile "+apart)))
	contains(t, authError(t, newSetup(t, h.known(), h.host("h", "CertificateFile "+apart))).Error(), "neither in a file nor in the agent")

	// Both in the agent.
	pub, _, _, _, err := ssh.ParseAuthorizedKey([]byte(read(t, apart)))
	must(t, err)
	cert, ok := pub.(*ssh.Certificate)
	if !ok {
		t.Fatal("no certificate")
	}
	path = startAgent(t, agent.AddedKey{PrivateKey: k.raw, Certificate: cert})
	accepted(t, newSetup(t, h.known(), h.host("h", "IdentitiesOnly no", "IdentityAgent "+path)))
}

func TestCertificateOfAnEncryptedKey(t *testing.T) {
	ca, k := newKey(t, "ed25519", ""), newKey(t, "ed25519", "right")
	write(t, ca.file+".pub", ca.line()+"\n")
	h := startSSHD(t, nil, "TrustedUserCAKeys "+ca.file+".pub")
	certify(t, ca, k, ssh.UserCert, login(t))
	s := newSetup(t, h.known(), h.host("h", "IdentityFile "+k.file))
	s.Operator.Prompt = &prompter{secrets: []string{"right"}}
	accepted(t, s)
}

func TestPubkeyAcceptedAlgorithms(t *testing.T) {
	k := newKey(t, "ed25519", "")
	h := startSSHD(t, []key{k})
	contains(t, authError(t, newSetup(t, h.known(), h.host("h", "IdentityFile "+k.file, "PubkeyAcceptedAlgorithms rsa-sha2-512"))).Error(),
		"PubkeyAcceptedAlgorithms excludes ssh-ed25519")
	accepted(t, newSetup(t, h.known(), h.host("h", "IdentityFile "+k.file, "PubkeyAcceptedAlgorithms ssh-ed25519")))
}

func TestAlgorithmsThatAreNotSupported(t *testing.T) {
	k := newKey(t, "ed25519", "")
	h := startSSHD(t, []key{k})
	_, err := newSetup(t, h.known(), h.host("h", "IdentityFile "+k.file, "KexAlgorithms sntrup761x25519-sha512@openssh.com")).
		Dial(testContext(t), target("h"))
	if err == nil {
		t.Fatal("connected")
	}
	contains(t, err.Error(), "KexAlgorithms", "sntrup761x25519-sha512@openssh.com")
	contains(t, fault.Hint(err), "KexAlgorithms", "curve25519-sha256")
	s := newSetup(t, h.known(), h.host("h", "IdentityFile "+k.file, "Ciphers aes256-ctr", "MACs hmac-sha2-512"))
	_, err = s.dial(t, "h").Run(testContext(t), run.Command{Argv: []string{"true"}})
	must(t, err)
}
