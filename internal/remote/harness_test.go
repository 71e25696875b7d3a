package remote

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"flakeops/internal/remote/lend"
	"flakeops/internal/remote/resolve"
	"flakeops/internal/remote/sessions"

	"github.com/rs/zerolog"
	"golang.org/x/crypto/ssh"
)

// TestMain lets the test binary be the shim that nix calls.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "ssh" && os.Getenv(lend.SocketEnv) != "" {
		os.Exit(lend.Shim(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

const testTimeout = 30 * time.Second

func testContext(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	t.Cleanup(cancel)
	return ctx
}

// key is a key pair, with its private half in a file.
type key struct {
	file   string
	raw    any
	signer ssh.Signer
}

func (k key) pub() ssh.PublicKey  { return k.signer.PublicKey() }
func (k key) line() string        { return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k.pub()))) }
func (k key) fingerprint() string { return ssh.FingerprintSHA256(k.pub()) }

// newKey makes a key of type ed25519, ecdsa or rsa; a passphrase encrypts it.
func newKey(t testing.TB, kind, passphrase string) key {
	t.Helper()
	var raw any
	var err error
	switch kind {
	case "ecdsa":
		raw, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "rsa":
		raw, err = rsa.GenerateKey(rand.Reader, 2048)
	default:
		_, raw, err = ed25519.GenerateKey(rand.Reader)
	}
	must(t, err)
	signer, err := ssh.NewSignerFromKey(raw)
	must(t, err)
	block, err := ssh.MarshalPrivateKey(raw, "test")
	must(t, err)
	k := key{file: filepath.Join(t.TempDir(), "id_"+kind), raw: raw, signer: signer}
	write(t, k.file, string(pem.EncodeToMemory(block)))
	if passphrase != "" { // one round, for the race detector makes each of them slow
		out, err := exec.Command("ssh-keygen", "-q", "-p", "-a", "1", "-N", passphrase, "-f", k.file).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	return k
}

func write(t testing.TB, file, text string) {
	t.Helper()
	must(t, os.WriteFile(file, []byte(text), 0o600))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// certify signs k's public half and writes the certificate beside it.
func certify(t testing.TB, ca, k key, kind uint32, principals ...string) string {
	t.Helper()
	cert := &ssh.Certificate{
		Key: k.pub(), CertType: kind, KeyId: "test", ValidPrincipals: principals,
		ValidAfter: uint64(time.Now().Add(-time.Hour).Unix()), ValidBefore: uint64(time.Now().Add(time.Hour).Unix()),
	}
	must(t, cert.SignCert(rand.Reader, ca.signer))
	file := k.file + "-cert.pub"
	write(t, file, string(ssh.MarshalAuthorizedKey(cert)))
	return file
}

func login(t testing.TB) string {
	t.Helper()
	u, err := user.Current()
	must(t, err)
	return u.Username
}

// sshd is a real OpenSSH server on the loopback.
type sshd struct {
	t    testing.TB
	port int
	key  key // host key
	pid  int
	log  string // file
}

// logged counts the lines of the server's log that contain text.
func (s *sshd) logged(text string) int { return strings.Count(read(s.t, s.log), text) }

// startSSHD starts sshd with a new ed25519 host key, unless options name others,
// and lets the keys in.
func startSSHD(t testing.TB, in []key, options ...string) *sshd {
	t.Helper()
	dir := t.TempDir()
	s := &sshd{t: t, port: freePort(t), key: newKey(t, "ed25519", "")}
	var authorized strings.Builder
	for _, k := range in {
		authorized.WriteString(k.line() + "\n")
	}
	write(t, filepath.Join(dir, "authorized"), authorized.String())
	lines := append(options,
		"Port "+fmt.Sprint(s.port), "ListenAddress 127.0.0.1", "PidFile none", "StrictModes no",
		usePAM(), "PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin yes",
		"AuthorizedKeysFile "+filepath.Join(dir, "authorized"), "LogLevel VERBOSE", "MaxSessions 30",
		// What this machine's user has in ~/.bashrc is none of these tests' business,
		// and may take its time: bash reads it for the outermost shell only.
		"SetEnv SHLVL=1")
	if !strings.Contains(strings.Join(options, "\n"), "HostKey ") {
		lines = append(lines, "HostKey "+s.key.file)
	}
	s.start(dir, lines, nil)
	return s
}

// usePAM says whether sshd needs PAM: without it, it lets nobody in to an account
// whose password is locked, as root's often is.
func usePAM() string {
	shadow, err := os.ReadFile("/etc/shadow") // for root only
	if err == nil && strings.Contains("\n"+string(shadow), "\nroot:!") {
		return "UsePAM yes"
	}
	return "UsePAM no"
}

// start runs sshd; wrap, if given, is the argv that sshd's is appended to.
func (s *sshd) start(dir string, lines []string, wrap []string) {
	t := s.t
	t.Helper()
	if os.Getuid() == 0 {
		must(t, os.MkdirAll("/run/sshd", 0o755)) // as sshd's own unit does
	}
	s.log = filepath.Join(dir, "log")
	conf, log := filepath.Join(dir, "sshd_config"), s.log
	write(t, conf, strings.Join(lines, "\n")+"\n")
	bin := "/usr/sbin/sshd"
	if p, err := exec.LookPath("sshd"); err == nil {
		bin = p
	}
	argv := append(wrap, bin, "-D", "-f", conf, "-E", log)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if len(wrap) > 0 {
		cmd.SysProcAttr.Unshareflags = syscall.CLONE_NEWNS
	}
	var out bytes.Buffer
	cmd.Stderr = &out
	must(t, cmd.Start())
	s.pid = cmd.Process.Pid
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-s.pid, syscall.SIGKILL)
		<-ended
		if t.Failed() {
			text, _ := os.ReadFile(log)
			t.Logf("sshd said:\n%s%s", text, out.String())
		}
	})
	eventually(t, "sshd to answer", func() bool {
		select {
		case <-ended:
			text, _ := os.ReadFile(log)
			t.Fatalf("sshd ended: %s%s", text, out.String())
		default:
		}
		c, err := net.Dial("tcp", s.addr())
		if err != nil {
			return false
		}
		defer func() { _ = c.Close() }()
		b := make([]byte, 4)
		_, err = c.Read(b)
		return err == nil && string(b) == "SSH-"
	})
}

func (s *sshd) addr() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// known is the line of known_hosts for this host.
func (s *sshd) known() string { return fmt.Sprintf("[127.0.0.1]:%d %s\n", s.port, s.key.line()) }

// host is a Host block for it.
func (s *sshd) host(name string, more ...string) string {
	return fmt.Sprintf("Host %s\n HostName 127.0.0.1\n Port %d\n%s", name, s.port, indent(more))
}

func indent(lines []string) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(" " + l + "\n")
	}
	return b.String()
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(testTimeout); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if cond() {
			return
		}
	}
	t.Fatalf("waited in vain for %s", what)
}

// setup is an ssh_config with its known_hosts, and a Dialer that uses it.
type setup struct {
	*Dialer
	config string
	known  string
}

// newSetup writes an ssh_config: the blocks, then defaults that keep the
// machine's own keys, agent and known hosts out.
func newSetup(t testing.TB, known string, blocks ...string) *setup {
	t.Helper()
	dir := t.TempDir()
	s := &setup{config: filepath.Join(dir, "ssh_config"), known: filepath.Join(dir, "known_hosts")}
	write(t, s.known, known)
	write(t, s.config, strings.Join(blocks, "\n")+fmt.Sprintf(`
Host *
 UserKnownHostsFile %s
 GlobalKnownHostsFile /dev/null
 IdentitiesOnly yes
 IdentityFile none
 IdentityAgent none
 StrictHostKeyChecking yes
 User %s
`, s.known, login(t)))
	s.Dialer = &Dialer{Extra: []string{"-F", s.config}, Log: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel)}
	return s
}

func target(host string) resolve.Target { return resolve.Target{Node: "web1", Host: host} }

// dial connects, or fails the test.
func (s *setup) dial(t testing.TB, host string) *sessions.Conn {
	t.Helper()
	c, err := s.Dial(testContext(t), target(host))
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// easy is one sshd, and a connection to it.
func easy(t testing.TB, options ...string) (*sshd, *sessions.Conn) {
	t.Helper()
	k := newKey(t, "ed25519", "")
	h := startSSHD(t, []key{k}, options...)
	return h, newSetup(t, h.known(), h.host("h", "IdentityFile "+k.file)).dial(t, "h")
}

// prompter answers from a script, and remembers what it was asked.
type prompter struct {
	mu      sync.Mutex
	secrets []string
	yes     bool
	asked   []string
}

func (p *prompter) Secret(_ context.Context, prompt string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, prompt)
	if len(p.secrets) == 0 {
		return "", errors.New("no answer is left")
	}
	v := p.secrets[0]
	p.secrets = p.secrets[1:]
	return v, nil
}

func (p *prompter) Confirm(_ context.Context, question string) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, question)
	return p.yes, nil
}

func (p *prompter) questions() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string{}, p.asked...)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// contains fails the test unless text has all parts.
func contains(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is not in: %s", p, text)
		}
	}
}
