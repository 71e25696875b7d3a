package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"flakeops/internal/fault"
	"flakeops/internal/remote/ask"
	"flakeops/internal/remote/auth"
	"flakeops/internal/remote/resolve"
	"flakeops/internal/remote/sessions"
	"flakeops/internal/run"
)

// sudoers is what the users of a sudo host may do.
const sudoers = `Defaults env_reset, use_pty, lecture=always
Defaults passwd_timeout=1
root ALL=(ALL:ALL) ALL
ops ALL=(ALL:ALL) NOPASSWD: ALL
odd ALL=(ALL:ALL) NOPASSWD: ALL
opspw ALL=(ALL:ALL) ALL
`

// The password of the users, and its hash (openssl passwd -6 -salt flakeops).
const (
	opsPassword = "lab $ecret 'pw"
	opsHash     = "$6$flakeops$EaCKm/z.4MDBdKHbC2FBB1wQfbOlUPPVM0uQQWnF4IQRW4RBwe8VKES6LOe1a7DmjLlPID.agm7fuj5PybD6h."
)

// startSudoHost starts an sshd in a mount namespace of its own, where the users
// ops (sudo without password), opspw (with), nosudo (not at all) and those of
// oddShells exist and the machine's own files are as they were. It takes root.
func startSudoHost(t *testing.T, in key) *sshd {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("run the tests as root: this one takes a mount namespace with users of its own")
	}
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o755))
	passwd, shadow, group := read(t, "/etc/passwd"), "root:*:19000:0:99999:7:::\n", read(t, "/etc/group")
	for n, user := range []string{"ops", "opspw", "nosudo", "odd", "greedy", "mute"} {
		home, shell := filepath.Join(dir, user), "/bin/sh"
		must(t, os.Mkdir(home, 0o755))
		if text, odd := oddShells()[user]; odd {
			shell = filepath.Join(dir, user+"-shell")
			write(t, shell, text)
			must(t, os.Chmod(shell, 0o755))
		}
		passwd += fmt.Sprintf("%s:x:%d:%d::%s:%s\n", user, 47110+n, 47110+n, home, shell)
		shadow += fmt.Sprintf("%s:%s:19000:0:99999:7:::\n", user, opsHash)
		group += fmt.Sprintf("%s:x:%d:\n", user, 47110+n)
	}
	files := map[string]string{"passwd": passwd, "shadow": shadow, "group": group, "sudoers": sudoers}
	var script strings.Builder
	script.WriteString("mount --make-rprivate / || exit\n")
	for name, text := range files {
		file := filepath.Join(dir, name)
		write(t, file, text)
		must(t, os.Chmod(file, map[string]os.FileMode{"sudoers": 0o440, "shadow": 0o600}[name]|0o440))
		if name == "passwd" || name == "group" {
			must(t, os.Chmod(file, 0o644))
		}
		fmt.Fprintf(&script, "mount --bind %s /etc/%s || exit\n", run.Quote([]string{file}), name)
	}
	script.WriteString(`exec "$@"` + "\n")
	authorized := filepath.Join(dir, "authorized")
	write(t, authorized, in.line()+"\n")
	must(t, os.Chmod(authorized, 0o644))
	// The directories above are the test's alone; sshd reads as the user.
	for d := dir; d != "/" && d != os.TempDir(); d = filepath.Dir(d) {
		must(t, os.Chmod(d, 0o755))
	}
	s := &sshd{t: t, port: freePort(t), key: newKey(t, "ed25519", "")}
	s.start(dir, []string{
		"Port " + fmt.Sprint(s.port), "ListenAddress 127.0.0.1", "PidFile none", "StrictModes no", "UsePAM no",
		"PasswordAuthentication yes", "PermitRootLogin yes", "AuthorizedKeysFile " + authorized, "HostKey " + s.key.file,
		"LogLevel VERBOSE", "MaxSessions 30",
	}, []string{"/bin/sh", "-c", script.String(), "sh"})
	return s
}

// as connects as a user of the sudo host.
func as(t *testing.T, h *sshd, k key, user string, p ask.Prompter) *sessions.Conn {
	t.Helper()
	s := newSetup(t, h.known(), h.host("h", "IdentityFile "+k.file))
	s.Operator.Prompt = p
	c, err := s.Dial(testContext(t), resolve.Target{Node: "web1", Host: "h", User: user, Elevate: []string{"sudo", "-H", "--"}})
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// rootEcho runs, as root, a command that shows who it is and what it reads.
func rootEcho(t *testing.T, c *sessions.Conn, stdin string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	_, err = c.Root().Run(testContext(t), run.Command{
		Argv:  []string{"sh", "-c", `id -u; echo "$1 $HOME" >&2; cat`, "sh", "it's $x"},
		Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errs,
	})
	return out.String(), errs.String(), err
}

func TestElevate(t *testing.T) {
	k := newKey(t, "ed25519", "")
	h := startSudoHost(t, k)

	t.Run("without a password", func(t *testing.T) {
		p := &prompter{}
		c := as(t, h, k, "ops", p)
		out, errs, err := rootEcho(t, c, "first line\nsecond")
		must(t, err)
		if out != "0\nfirst line\nsecond" || errs != "it's $x /root\n" {
			t.Errorf("stdout %q, stderr %q", out, errs)
		}
		if len(p.questions()) != 0 {
			t.Errorf("asked %q", p.questions())
		}
		plain, err := run.Output(testContext(t), c, run.Command{Argv: []string{"id", "-un"}})
		if string(plain) != "ops\n" || err != nil {
			t.Errorf("without Root: %q, %v", plain, err)
		}
	})

	t.Run("with a password, asked once", func(t *testing.T) {
		p := &prompter{secrets: []string{opsPassword}}
		c := as(t, h, k, "opspw", p)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				out, errs, err := rootEcho(t, c, "first line\nsecond")
				if err != nil || out != "0\nfirst line\nsecond" || errs != "it's $x /root\n" {
					t.Errorf("stdout %q, stderr %q: %v", out, errs, err)
				}
			})
		}
		wg.Wait()
		if q := p.questions(); len(q) != 1 || q[0] != "sudo password for opspw on web1: " {
			t.Errorf("asked %q", q)
		}
	})

	t.Run("a wrong password, then the right one", func(t *testing.T) {
		p := &prompter{secrets: []string{"mistyped", opsPassword}}
		c := as(t, h, k, "opspw", p)
		out, errs, err := rootEcho(t, c, "data")
		if err != nil || out != "0\ndata" || errs != "it's $x /root\n" {
			t.Errorf("stdout %q, stderr %q: %v", out, errs, err)
		}
		if q := p.questions(); len(q) != 2 || !strings.HasPrefix(q[1], "wrong; ") {
			t.Errorf("asked %q", q)
		}
	})

	t.Run("three wrong passwords", func(t *testing.T) {
		p := &prompter{secrets: []string{"secret-1", "secret-2", "secret-3", opsPassword}}
		c := as(t, h, k, "opspw", p)
		out, _, err := rootEcho(t, c, "data")
		if err == nil || out != "" || len(p.questions()) != 3 {
			t.Fatalf("stdout %q, asked %q: %v", out, p.questions(), err)
		}
		contains(t, err.Error(), `opspw could not become root with "sudo -H --"`, "incorrect password")
		if strings.Contains(err.Error(), "secret-") || strings.Contains(err.Error(), "flakeops-") {
			t.Errorf("error %v", err)
		}
		// What was wrong is not tried again: it would bring a lockout closer.
		out, _, err = rootEcho(t, c, "data")
		if q := p.questions(); err != nil || out != "0\ndata" || len(q) != 4 || strings.HasPrefix(q[3], "wrong; ") {
			t.Errorf("afterwards: stdout %q, asked %q: %v", out, q, err)
		}
	})

	t.Run("a password and nobody to ask", func(t *testing.T) {
		c := as(t, h, k, "opspw", nil)
		_, _, err := rootEcho(t, c, "data")
		if !errors.Is(err, ask.ErrNobody) {
			t.Fatalf("error %v", err)
		}
		contains(t, err.Error(), "sudo wants the password of opspw")
		contains(t, fault.Hint(err), "on a terminal")
	})

	t.Run("a password and somebody who cannot be asked", func(t *testing.T) {
		c := as(t, h, k, "opspw", mute{})
		_, _, err := rootEcho(t, c, "data")
		if !errors.Is(err, errMute) {
			t.Fatalf("error %v", err)
		}
		contains(t, err.Error(), "sudo wants the password of opspw", errMute.Error())
	})

	t.Run("no right to sudo", func(t *testing.T) {
		c := as(t, h, k, "nosudo", &prompter{secrets: []string{opsPassword}})
		_, _, err := rootEcho(t, c, "data")
		if err == nil {
			t.Fatal("became root")
		}
		contains(t, err.Error(), "nosudo could not become root", "not in the sudoers file")
	})

	t.Run("exit status, signal, stdin not read, environment", func(t *testing.T) {
		c := as(t, h, k, "ops", nil)
		res, err := c.Root().Run(testContext(t), run.Command{Argv: []string{"sh", "-c", "echo no >&2; exit 4"}})
		var re *run.Error
		if res.Code != 4 || !errors.As(err, &re) || re.Stderr != "no\n" || re.Err != nil {
			t.Errorf("%d, %#v", res.Code, err)
		}
		done := make(chan struct{})
		defer close(done)
		out, err := run.Output(testContext(t), c.Root(), run.Command{
			Argv: []string{"sh", "-c", `pwd; echo "$A"`}, Env: []string{"A=b c"}, Dir: "/usr", Stdin: neverEnds{done},
		})
		if string(out) != "/usr\nb c\n" || err != nil {
			t.Errorf("%q, %v", out, err)
		}
	})

	t.Run("much data", func(t *testing.T) {
		data := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
		var out bytes.Buffer
		_, err := as(t, h, k, "ops", nil).Root().Run(testContext(t), run.Command{
			Argv: []string{"cat"}, Stdin: bytes.NewReader(data), Stdout: &out,
		})
		if err != nil || !bytes.Equal(out.Bytes(), data) {
			t.Errorf("%d bytes of %d: %v", out.Len(), len(data), err)
		}
	})

	t.Run("password login", func(t *testing.T) {
		s := newSetup(t, h.known(), h.host("h", "IdentityFile none"))
		p := &prompter{secrets: []string{"mistyped", opsPassword}}
		s.Operator.Prompt = p
		for range 2 {
			c, err := s.Dial(testContext(t), resolve.Target{Node: "web1", Host: "h", User: "ops"})
			must(t, err)
			_ = c.Close()
		}
		if q := p.questions(); len(q) != 2 {
			t.Errorf("asked %q", q)
		}
		_, err := s.Dial(testContext(t), resolve.Target{Node: "web1", Host: "h", User: "ops", Options: []string{"BatchMode=yes"}})
		var ae *auth.Error
		if !errors.As(err, &ae) {
			t.Errorf("error %v", err)
		}
	})

	t.Run("password login, three wrong passwords", func(t *testing.T) {
		s := newSetup(t, h.known(), h.host("h", "IdentityFile none"))
		p := &prompter{secrets: []string{"secret-1", "secret-2", "secret-3", opsPassword}}
		s.Operator.Prompt = p
		_, err := s.Dial(testContext(t), resolve.Target{Node: "web1", Host: "h", User: "ops"})
		var ae *auth.Error
		if !errors.As(err, &ae) || strings.Contains(err.Error(), "secret-") {
			t.Fatalf("error %v", err)
		}
		c, err := s.Dial(testContext(t), resolve.Target{Node: "web1", Host: "h", User: "ops"})
		must(t, err)
		_ = c.Close()
		if q := p.questions(); len(q) != 4 || strings.HasPrefix(q[3], "wrong; ") {
			t.Errorf("asked %q", q)
		}
	})
}

var errMute = errors.New("the line is dead")

// mute is a Prompter that has its own reason not to answer.
type mute struct{}

func (mute) Secret(context.Context, string) (string, error) { return "", errMute }

func (mute) Confirm(context.Context, string) (bool, error) { return false, errMute }
