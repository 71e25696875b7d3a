package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"flakeops/internal/fault"
	"flakeops/internal/remote/resolve"
	"flakeops/internal/run"
)

// unreachable dials and returns why that failed.
func unreachable(t *testing.T, s *setup, target resolve.Target) *UnreachableError {
	t.Helper()
	c, err := s.Dial(testContext(t), target)
	if err == nil {
		_ = c.Close()
		t.Fatal("connected")
	}
	var e *UnreachableError
	if !errors.As(err, &e) {
		t.Fatalf("not an unreachable host: %v", err)
	}
	return e
}

func TestNobodyListens(t *testing.T) {
	s := newSetup(t, "", fmt.Sprintf("Host h\n HostName 127.0.0.1\n Port %d\n", freePort(t)))
	e := unreachable(t, s, target("h"))
	if !errors.Is(e, syscall.ECONNREFUSED) {
		t.Errorf("error %v", e)
	}
}

// blackHole accepts connections and never says a word.
func blackHole(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var mu sync.Mutex
	var held []net.Conn
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, c := range held {
			_ = c.Close()
		}
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			held = append(held, c)
			mu.Unlock()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

func TestConnectTimeoutCoversTheHandshake(t *testing.T) {
	s := newSetup(t, "", fmt.Sprintf("Host h\n HostName 127.0.0.1\n Port %d\n ConnectTimeout 1\n", blackHole(t)))
	contains(t, unreachable(t, s, target("h")).Error(), "no answer within 1s")
}

func TestConnectTimeoutDoesNotCountQuestions(t *testing.T) {
	t.Parallel()
	k := newKey(t, "ed25519", "right")
	h := startSSHD(t, []key{k})
	s := newSetup(t, h.known(), h.host("h", "IdentityFile "+k.file, "ConnectTimeout 3"))
	s.Operator.Prompt = slowPrompter{answer: "right", after: 4 * time.Second}
	accepted(t, s)
}

// slowPrompter is an operator who takes their time.
type slowPrompter struct {
	answer string
	after  time.Duration
}

func (p slowPrompter) Secret(ctx context.Context, _ string) (string, error) {
	select {
	case <-time.After(p.after):
		return p.answer, nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

func (p slowPrompter) Confirm(context.Context, string) (bool, error) { return true, nil }

func TestDialHonoursItsContext(t *testing.T) {
	s := newSetup(t, "", fmt.Sprintf("Host h\n HostName 127.0.0.1\n Port %d\n", blackHole(t)))
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := s.Dial(ctx, target("h"))
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 5*time.Second {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
}

func TestSomethingThatIsNotSSH(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { _ = l.Close() }()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	s := newSetup(t, "", fmt.Sprintf("Host h\n HostName 127.0.0.1\n Port %d\n", l.Addr().(*net.TCPAddr).Port))
	unreachable(t, s, target("h"))
}

func TestAlternatesAreTriedInOrder(t *testing.T) {
	k := newKey(t, "ed25519", "")
	h := startSSHD(t, []key{k})
	s := newSetup(t, h.known(), h.host("good", "IdentityFile "+k.file),
		fmt.Sprintf("Host dead1 dead2\n HostName 127.0.0.1\n Port %d\n", freePort(t)))
	c, err := s.Dial(testContext(t), resolve.Target{Node: "web1", Host: "dead1", Alternates: []string{"dead2", "good"}})
	must(t, err)
	defer func() { _ = c.Close() }()
	if c.Host() != h.addr() {
		t.Errorf("connected to %s", c.Host())
	}
	e := unreachable(t, s, resolve.Target{Node: "web1", Host: "dead1", Alternates: []string{"dead2"}})
	if !errors.Is(e, syscall.ECONNREFUSED) {
		t.Errorf("error %v", e)
	}
}

func TestBindAddress(t *testing.T) {
	k := newKey(t, "ed25519", "")
	h := startSSHD(t, []key{k})
	c := newSetup(t, h.known(), h.host("h", "IdentityFile "+k.file, "BindAddress 127.0.0.2")).dial(t, "h")
	out, err := run.Output(testContext(t), c, run.Command{Argv: []string{"sh", "-c", "echo $SSH_CONNECTION"}})
	if err != nil || !strings.HasPrefix(string(out), "127.0.0.2 ") {
		t.Errorf("%q, %v", out, err)
	}
}

// An old address that swallows everything must not take a confirm's seconds.
func TestAnAlternateIsTriedBesideASilentAddress(t *testing.T) {
	k := newKey(t, "ed25519", "")
	h := startSSHD(t, []key{k})
	s := newSetup(t, h.known(), h.host("h", "IdentityFile "+k.file),
		fmt.Sprintf("Host silent\n HostName 127.0.0.1\n Port %d\n ConnectTimeout 600\n", blackHole(t)))
	c, err := s.Dial(testContext(t), resolve.Target{Node: "web1", Host: "silent", Alternates: []string{"h"}})
	must(t, err)
	_ = c.Close()
}

func TestTargetOverridesSSHConfig(t *testing.T) {
	k := newKey(t, "ed25519", "")
	h := startSSHD(t, []key{k})
	s := newSetup(t, h.known(), "Host h\n HostName 192.0.2.1\n Port 1\n User nobody-here\n")
	c, err := s.Dial(testContext(t), resolve.Target{
		Node: "web1", Host: "h", Port: h.port, User: login(t),
		Options: []string{"HostName=127.0.0.1", "IdentityFile " + k.file},
	})
	must(t, err)
	_ = c.Close()
}

func TestNamesThatAreRefused(t *testing.T) {
	s := newSetup(t, "")
	s.Resolver.SSH = "/must/not/be/run"
	for _, bad := range []string{"", "-oProxyCommand=x", "a b", "a\nb", "$(id)", "a;b", "a`b`", "x|y", "a'b", "a\"b", "\x7f"} {
		for _, tg := range []resolve.Target{
			{Node: "web1", Host: bad}, {Node: "web1", Host: "good", Alternates: []string{bad}}, {Node: "web1", Host: "good", User: bad},
		} {
			if tg.User == "" && tg.Host == "good" && len(tg.Alternates) == 0 {
				continue // no user is what ssh_config says
			}
			_, err := s.Dial(testContext(t), tg)
			if err == nil || strings.Contains(err.Error(), "/must/not/be/run") {
				t.Fatalf("%#v: %v", tg, err)
			}
			contains(t, fault.Hint(err), "deployment.target")
		}
	}
	// ssh would take the user of the address only if there is no targetUser.
	for _, more := range []string{"ops@h", "ops@-oProxyCommand=x", "ssh://h:22"} {
		_, err := s.Dial(testContext(t), resolve.Target{Node: "web1", Host: more, User: "root"})
		contains(t, err.Error(), "cannot be one")
	}
	_, err := s.Dial(testContext(t), resolve.Target{Node: "web1", Host: "h", Options: []string{"A=b\nProxyCommand=x"}})
	contains(t, fault.Hint(err), "deployment.sshOptions")
	_, err = s.Dial(testContext(t), resolve.Target{Node: "web1", Host: "h", Port: 70000})
	contains(t, fault.Hint(err), "deployment.targetPort")
}

func TestSSHMissing(t *testing.T) {
	d := &Dialer{Resolver: resolve.Resolver{SSH: "ssh-that-does-not-exist"}}
	_, err := d.Dial(testContext(t), target("h"))
	if err == nil {
		t.Fatal("connected")
	}
	if class := fault.Of(err); class != fault.Usage || strings.Contains(err.Error(), "web1") {
		t.Errorf("class %d: %v", class, err) // whoever prints it names the node
	}
	contains(t, err.Error(), "ssh-that-does-not-exist is not in PATH")
	contains(t, fault.Hint(err), "install OpenSSH")
}

func TestSSHConfigWithAnError(t *testing.T) {
	s := newSetup(t, "", "NoSuchOption yes")
	_, err := s.Dial(testContext(t), target("h"))
	if err == nil {
		t.Fatal("connected")
	}
	contains(t, err.Error(), s.config, "nosuchoption")
}

func TestJumpHosts(t *testing.T) {
	k1, k2, k3 := newKey(t, "ed25519", ""), newKey(t, "ed25519", ""), newKey(t, "ed25519", "")
	h1, h2, h3 := startSSHD(t, []key{k1}), startSSHD(t, []key{k2}), startSSHD(t, []key{k3})
	known := h1.known() + h2.known() + h3.known()
	hosts := []string{
		h1.host("j1", "IdentityFile "+k1.file), h2.host("j2", "IdentityFile "+k2.file),
		h3.host("h", "IdentityFile "+k3.file, fmt.Sprintf("ProxyJump j1,%s@j2:%d", login(t), h2.port)),
	}
	s := newSetup(t, known, hosts...)
	c := s.dial(t, "h")
	out, err := run.Output(testContext(t), c, run.Command{Argv: []string{"sh", "-c", "echo $SSH_CONNECTION"}})
	must(t, err)
	contains(t, string(out), fmt.Sprint(h3.port))
	must(t, c.Close())

	// The first hop's own configuration may name another.
	chained := []string{hosts[0], h2.host("j2", "IdentityFile "+k2.file, "ProxyJump j1"), h3.host("h", "IdentityFile "+k3.file, "ProxyJump j2")}
	accepted(t, newSetup(t, known, chained...))

	// Every hop's key is checked.
	for _, missing := range []*sshd{h1, h2, h3} {
		s := newSetup(t, strings.Replace(known, missing.known(), "", 1), hosts...)
		if e := refused(t, s); e.Fingerprint != missing.key.fingerprint() {
			t.Errorf("%#v", e)
		}
	}

	// A hop that does not let us in, and a far side that nobody listens on.
	s = newSetup(t, known, strings.Replace(hosts[0], k1.file, k2.file, 1), hosts[1], hosts[2])
	contains(t, authError(t, s).Error(), fmt.Sprint(h1.port))
	s = newSetup(t, known, hosts[0], fmt.Sprintf("Host h\n HostName 127.0.0.1\n Port %d\n ProxyJump j1\n", freePort(t)))
	contains(t, unreachable(t, s, target("h")).Error(), "onnect")
}

func TestJumpHostsThatFormALoop(t *testing.T) {
	s := newSetup(t, "", "Host a\n ProxyJump b\nHost b\n ProxyJump a\n")
	_, err := s.Dial(testContext(t), target("a"))
	if err == nil {
		t.Fatal("connected")
	}
	contains(t, fault.Hint(err), "ProxyJump", "back to itself")
}

func TestProxyCommand(t *testing.T) {
	k := newKey(t, "ed25519", "")
	h := startSSHD(t, []key{k})
	pidFile := filepath.Join(t.TempDir(), "pid")
	script := filepath.Join(t.TempDir(), "proxy")
	// A stand-in for nc that is there on every machine with ssh: ssh -W.
	write(t, script, fmt.Sprintf("echo $$ > %s\nexec ssh -F %s.inner -W \"$1:$2\" h\n", pidFile, script))
	write(t, script+".inner", h.host("h", "IdentityFile "+k.file, "IdentitiesOnly yes", "IdentityAgent none",
		"StrictHostKeyChecking no", "UserKnownHostsFile /dev/null", "LogLevel ERROR", "User "+login(t)))
	s := newSetup(t, h.known(), h.host("h", "IdentityFile "+k.file, "ProxyCommand /bin/sh "+script+" %h %p"))
	c := s.dial(t, "h")
	_, err := c.Run(testContext(t), run.Command{Argv: []string{"true"}})
	must(t, err)
	must(t, c.Close())
	var pid int
	_, err = fmt.Sscan(read(t, pidFile), &pid)
	must(t, err)
	eventually(t, "the proxy command to end", func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
}

func TestProxyCommandThatFails(t *testing.T) {
	s := newSetup(t, "", "Host h\n ProxyCommand echo no way to %h >&2; exit 3\n")
	contains(t, unreachable(t, s, target("h")).Error(), "ProxyCommand: no way to h")
}

// A static program does not read the libraries that nsswitch.conf names, such as
// the one for mDNS. getent does.
func TestNamesThatOnlyTheSystemKnows(t *testing.T) {
	k := newKey(t, "ed25519", "")
	h := startSSHD(t, []key{k})
	name := strings.Repeat("a", 64) + ".local" // no question of it goes to a DNS server
	s := newSetup(t, h.known(), h.host("h", "IdentityFile "+k.file, "HostKeyAlias [127.0.0.1]:"+fmt.Sprint(h.port)))
	write(t, s.config, strings.Replace(read(t, s.config), "HostName 127.0.0.1", "HostName "+name, 1))
	contains(t, unreachable(t, s, target("h")).Error(), name, "no such host")

	dir := t.TempDir()
	write(t, filepath.Join(dir, "getent"), `#!/bin/sh
[ "$1 $2" = "ahosts `+name+`" ] && printf '%s\n' '::1 STREAM x' '::1 DGRAM' '127.0.0.1 STREAM' '127.0.0.1 DGRAM'
`)
	must(t, os.Chmod(filepath.Join(dir, "getent"), 0o700))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	accepted(t, s)
}

func TestProxyUseFdpass(t *testing.T) {
	s := newSetup(t, "", "Host h\n ProxyCommand true\n ProxyUseFdpass yes\n")
	_, err := s.Dial(testContext(t), target("h"))
	if err == nil {
		t.Fatal("connected")
	}
	contains(t, err.Error(), "ProxyUseFdpass", "not supported")
}

func TestEveryDialIsANewConnection(t *testing.T) {
	k := newKey(t, "ed25519", "")
	h := startSSHD(t, []key{k})
	s := newSetup(t, h.known(), h.host("h", "IdentityFile "+k.file, "ControlMaster auto",
		"ControlPath "+filepath.Join(t.TempDir(), "master"), "ControlPersist yes"))
	seen := map[string]bool{}
	for range 2 {
		out, err := run.Output(testContext(t), s.dial(t, "h"), run.Command{Argv: []string{"sh", "-c", "echo $SSH_CONNECTION"}})
		must(t, err)
		seen[string(out)] = true
	}
	if len(seen) != 2 {
		t.Errorf("connections: %v", seen)
	}
	if _, err := os.Stat(filepath.Join(t.TempDir(), "master")); err == nil {
		t.Error("a master was started")
	}
}
