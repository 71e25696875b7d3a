package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"flakeops/internal/remote/ask"
	"flakeops/internal/remote/lend"
	"flakeops/internal/remote/sessions"
	"flakeops/internal/run"

	"github.com/rs/zerolog"
)

// newLender starts a Lender whose ssh is this test binary.
func newLender(t testing.TB) *lend.Lender {
	t.Helper()
	exe, err := os.Executable()
	must(t, err)
	l, err := lend.New(context.Background(), exe, zerolog.Nop())
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// shimFailed is the exit status of ssh where nothing was run.
const shimFailed = 255

// dirOf is the Lender's directory, which is first in the PATH of nix.
func dirOf(l *lend.Lender) string {
	path, _, _ := strings.Cut(strings.TrimPrefix(l.Env()[0], "PATH="), ":")
	return path
}

func lendTo(t testing.TB, l *lend.Lender, c *sessions.Conn) string {
	t.Helper()
	host, takeBack := l.Lend(c.Root(), time.Hour)
	t.Cleanup(func() { _ = takeBack() })
	return host
}

// nixEnv keeps nix away from the machine's own configuration.
func nixEnv(t testing.TB, l *lend.Lender) []string {
	t.Helper()
	home := t.TempDir()
	return append(l.Env(), "HOME="+home, "NIX_REMOTE=", "NIX_CONF_DIR="+home,
		"NIX_CONFIG=experimental-features = nix-command\nbuild-users-group =\nsubstituters =\nrequire-sigs = false")
}

// addToStore puts text into a store of its own and returns both.
func addToStore(t testing.TB, l *lend.Lender, text string) (store, path string) {
	t.Helper()
	store = filepath.Join(t.TempDir(), "store")
	file := filepath.Join(t.TempDir(), "payload")
	write(t, file, text)
	out, err := run.Output(testContext(t), run.Local{}, run.Command{
		Argv: []string{"nix-store", "--store", store, "--add", file}, Env: nixEnv(t, l),
	})
	must(t, err)
	return store, strings.TrimSpace(string(out))
}

func nixCopy(t testing.TB, l *lend.Lender, from, url, path string) error {
	t.Helper()
	_, err := run.Local{}.Run(testContext(t), run.Command{
		Argv: []string{"nix", "copy", "--no-check-sigs", "--from", from, "--to", url, path}, Env: nixEnv(t, l),
	})
	return err
}

func TestNixCopiesOverTheLentConnection(t *testing.T) {
	h, c := easy(t)
	l := newLender(t)
	host := lendTo(t, l, c)
	for _, scheme := range []string{"ssh", "ssh-ng"} {
		from, path := addToStore(t, l, "over "+scheme)
		to := filepath.Join(t.TempDir(), "there")
		url := scheme + "://" + host + "?remote-store=" + to
		must(t, nixCopy(t, l, from, url, path))
		if got := read(t, to+path); got != "over "+scheme {
			t.Errorf("copied %q", got)
		}
		must(t, nixCopy(t, l, from, url, path))
	}
	if n := h.logged("Accepted publickey"); n != 1 {
		t.Errorf("%d logins, want 1", n)
	}
}

func TestNixCopiesAsRootByWayOfSudo(t *testing.T) {
	k := newKey(t, "ed25519", "")
	h := startSudoHost(t, k)
	p := &prompter{secrets: []string{opsPassword}}
	l := newLender(t)
	host := lendTo(t, l, as(t, h, k, "opspw", p))
	for _, text := range []string{"one", "two"} {
		from, path := addToStore(t, l, text)
		to := filepath.Join(t.TempDir(), "there")
		must(t, nixCopy(t, l, from, "ssh://"+host+"?remote-store="+to, path))
		info, err := os.Stat(to + path)
		must(t, err)
		if st, ok := info.Sys().(*syscall.Stat_t); !ok || st.Uid != 0 {
			t.Errorf("owner %+v", info.Sys())
		}
	}
	if n := len(p.questions()); n != 1 {
		t.Errorf("asked %d times, want 1", n)
	}
}

func TestNixSeesWhySudoFailed(t *testing.T) {
	k := newKey(t, "ed25519", "")
	h := startSudoHost(t, k)
	l := newLender(t)
	from, path := addToStore(t, l, "text")
	for user, why := range map[string]string{"nosudo": "not in the sudoers file", "opspw": "sudo wants the password of opspw"} {
		p := ask.Prompter(nil)
		if user == "nosudo" {
			p = &prompter{secrets: []string{opsPassword}}
		}
		err := nixCopy(t, l, from, "ssh://"+lendTo(t, l, as(t, h, k, user, p))+"?remote-store="+t.TempDir(), path)
		if err == nil {
			t.Fatal("copied")
		}
		contains(t, err.Error(), why)
	}
}

func TestManyCopiesAtOnce(t *testing.T) {
	l := newLender(t)
	var wg sync.WaitGroup
	for range 2 {
		_, c := easy(t)
		host := lendTo(t, l, c)
		for n := range 2 {
			text := fmt.Sprintf("%s %d", host, n)
			from, path := addToStore(t, l, text)
			to := filepath.Join(t.TempDir(), "there")
			wg.Go(func() {
				if err := nixCopy(t, l, from, "ssh://"+host+"?remote-store="+to, path); err != nil {
					t.Error(err)
				} else if got := read(t, to+path); got != text {
					t.Errorf("copied %q", got)
				}
			})
		}
	}
	wg.Wait()
}

// shim starts this binary as nix would start ssh.
func shim(t *testing.T, l *lend.Lender, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(testContext(t), filepath.Join(dirOf(l), "ssh"), args...)
	cmd.Env = append(os.Environ(), l.Env()...)
	return cmd
}

// shimEnds runs it to its end with an empty stdin.
func shimEnds(t *testing.T, l *lend.Lender, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := shim(t, l, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func TestShimAnswersAsSSHWould(t *testing.T) {
	_, c := easy(t)
	l := newLender(t)
	host := lendTo(t, l, c)
	permit := []string{"-oPermitLocalCommand=yes", "-oLocalCommand=echo started"}
	serve := []string{"--", "nix-store", "--serve", "--write"}
	join := func(parts ...[]string) (args []string) {
		for _, p := range parts {
			args = append(args, p...)
		}
		return args
	}
	for name, tc := range map[string]struct {
		args []string
		code int // -1: the store's own, which depends on its version
		out  string
	}{
		"check":            {join([]string{"-O", "check", "root@" + host}, permit), shimFailed, ""},
		"2.8":              {[]string{host, "-x", "-a", "nix-store --serve --write"}, -1, ""},
		"2.34":             {join([]string{"root@" + host, "-x", "-p22", "-i", "key"}, permit, serve), -1, "started\n"},
		"newest":           {join([]string{host, "-x"}, permit, []string{"-S", "none"}, serve), -1, "started\n"},
		"shared":           {join([]string{host, "-x"}, permit, []string{"-S", "/tmp/socket"}, serve), -1, ""},
		"permitted later":  {join([]string{host, "-x", "-oPermitLocalCommand=no"}, permit, serve), -1, ""},
		"separate options": {join([]string{host, "-o", "PermitLocalCommand yes", "-o", "LocalCommand=echo started"}, serve), -1, "started\n"},
	} {
		code, out, errs := shimEnds(t, l, tc.args...)
		if tc.code >= 0 && code != tc.code || tc.code < 0 && code == shimFailed || out != tc.out {
			t.Errorf("%s: exit status %d, stdout %q, stderr %q", name, code, out, errs)
		}
	}
}

func TestShimRefusesOtherCommands(t *testing.T) {
	_, c := easy(t)
	l := newLender(t)
	host := lendTo(t, l, c)
	mark := filepath.Join(t.TempDir(), "mark")
	for _, command := range []string{
		"", "touch " + mark, "nix-store --serve", "nix-store --serve --write; touch " + mark, "nix-store --serve --write $(touch " + mark + ")",
		"nix-store --gc", "sh -c 'nix-store --serve --write'", "nix-daemon --stdio --option x y", "nix-store --serve --write --store",
		"./nix-store --serve --write", "'nix-store --serve --write'",
	} {
		code, out, errs := shimEnds(t, l, host, "-x", command)
		if code != shimFailed || out != "" {
			t.Errorf("%q: exit status %d, stdout %q", command, code, out)
		}
		contains(t, errs, "refused to run")
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("something was run")
	}
	code, _, errs := shimEnds(t, l, "flakeops-99.invalid", "nix-store --serve --write")
	if code != shimFailed {
		t.Errorf("exit status %d", code)
	}
	contains(t, errs, "no connection is lent under the name flakeops-99.invalid")
}

func TestShimPassesOtherHostsToTheRealSSH(t *testing.T) {
	l := newLender(t)
	cmd := shim(t, l, "-G", "some.host")
	out, err := cmd.Output()
	must(t, err)
	contains(t, string(out), "hostname some.host\n")
}

func TestShimMasterStaysUntilKilled(t *testing.T) {
	_, c := easy(t)
	l := newLender(t)
	cmd := shim(t, l, lendTo(t, l, c), "-M", "-N", "-S", "/tmp/socket", "-o", "LocalCommand=echo started", "-o", "PermitLocalCommand=yes")
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	line := make([]byte, len("started\n"))
	_, err = io.ReadFull(out, line)
	must(t, err)
	if string(line) != "started\n" {
		t.Errorf("got %q", line)
	}
	must(t, cmd.Process.Signal(syscall.SIGTERM))
	if err := cmd.Wait(); err == nil || cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Errorf("ended with %v", err)
	}
}

func TestLenderDirectoryIsPrivateAndGoesAway(t *testing.T) {
	exe, err := os.Executable()
	must(t, err)
	t.Setenv("XDG_RUNTIME_DIR", filepath.Join(t.TempDir(), strings.Repeat("long", 30)))
	l, err := lend.New(context.Background(), exe, zerolog.Nop())
	must(t, err)
	info, err := os.Stat(dirOf(l))
	must(t, err)
	if info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v", info.Mode())
	}
	must(t, l.Close())
	if _, err := os.Stat(dirOf(l)); !os.IsNotExist(err) {
		t.Errorf("left behind: %v", err)
	}
}

func TestLenderSurvivesNonsense(t *testing.T) {
	_, c := easy(t)
	l := newLender(t)
	host := lendTo(t, l, c)
	for _, text := range []string{"", "\x00", "\xff\xff\xff\xff", "\x00\x00\x00\x02{}", "\x00\x00\x00\x05{", "\x00\x00\x00\x04nope"} {
		code := sendRaw(t, l, []byte(text))
		if code != shimFailed {
			t.Errorf("%q: %d", text, code)
		}
	}
	if code, _, errs := shimEnds(t, l, host, "nix-store --serve --write"); code == shimFailed {
		t.Errorf("afterwards: %d, %s", code, errs)
	}
}

// sendRaw sends bytes to the Lender and returns the status it answers with.
func sendRaw(t *testing.T, l *lend.Lender, b []byte) int {
	t.Helper()
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: filepath.Join(dirOf(l), "socket"), Net: "unix"})
	must(t, err)
	defer func() { _ = c.Close() }()
	_, err = c.Write(b)
	must(t, err)
	must(t, c.CloseWrite())
	frame, err := io.ReadAll(c)
	must(t, err)
	var reply struct{ Code int }
	must(t, json.Unmarshal(frame[4:], &reply)) // after its length
	return reply.Code
}
