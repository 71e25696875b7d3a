package lend

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"flakeops/internal/remote/sshargs"
)

// shimFailed is ssh's own exit status for what is not the remote command's.
const shimFailed = 255

// Shim is what `ssh` does when nix calls it: it passes the command and its own
// stdin, stdout and stderr, which must be files, to the Lender named by
// FLAKEOPS_SSH_SOCKET, waits, and returns the command's exit status. A call for
// any other host becomes the real ssh.
//
// nix says what it expects by its options, and the shim does what ssh would:
//   - `-O check` asks for a shared connection: there is none (255), so that nix
//     expects the line "started" exactly where it asks for it;
//   - `-o PermitLocalCommand=yes -o "LocalCommand=echo started"` prints that line
//     before the command's output, unless -S names a shared connection, which
//     runs no local command;
//   - `-M -N` is such a connection's master: it prints the line and stays until
//     it is killed.
func Shim(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a, err := sshargs.Parse(args)
	if err != nil {
		return complain(stderr, err)
	}
	socket := os.Getenv(SocketEnv)
	host := a.Host[strings.LastIndexByte(a.Host, '@')+1:]
	if socket == "" || !strings.HasPrefix(host, "flakeops-") || !strings.HasSuffix(host, ".invalid") {
		return complain(stderr, realSSH(args, socket))
	}
	if _, control := a.Last('O'); control {
		return shimFailed
	}
	req := request{Host: host, Command: a.Command, Started: wantsStarted(a)}
	if _, master := a.Last('M'); master {
		return shimMaster(req, stdout, stderr)
	}
	files, err := asFiles(stdin, stdout, stderr)
	if err != nil {
		return complain(stderr, err)
	}
	answer, err := askLender(socket, req, files)
	if err != nil {
		return complain(stderr, fmt.Errorf("asking flakeops for %s: %w", host, err))
	}
	if answer.Message != "" {
		return complain(stderr, errors.New(answer.Message))
	}
	return answer.Code
}

// wantsStarted says whether ssh would run `echo started` once connected.
func wantsStarted(a sshargs.Args) bool {
	permit, _ := a.Option("PermitLocalCommand")
	local, _ := a.Option("LocalCommand")
	socket, shared := a.Last('S')
	_, master := a.Last('M')
	return permit == "yes" && local == "echo started" && (master || !shared || socket == "none")
}

// shimMaster stands for a shared connection. Nothing is behind it: every
// command finds the Lender by itself.
func shimMaster(req request, stdout, stderr io.Writer) int {
	if req.Started {
		if _, err := io.WriteString(stdout, "started\n"); err != nil {
			return complain(stderr, err)
		}
	}
	waitForParent()
	return 0
}

func askLender(socket string, req request, files [3]int) (answer reply, err error) {
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		return answer, err
	}
	defer func() { _ = c.Close() }()
	frame, err := encodeFrame(req)
	if err != nil {
		return answer, err
	}
	n, _, err := c.WriteMsgUnix(frame, syscall.UnixRights(files[:]...), nil)
	if err != nil {
		return answer, err
	}
	if n < len(frame) {
		if _, err := c.Write(frame[n:]); err != nil {
			return answer, err
		}
	}
	if err := readFrame(c, &answer); err != nil {
		return answer, fmt.Errorf("it ended before the command did: %w", err)
	}
	return answer, nil
}

func asFiles(stdin io.Reader, stdout, stderr io.Writer) (fds [3]int, err error) {
	for n, s := range []any{stdin, stdout, stderr} {
		f, ok := s.(*os.File)
		if !ok {
			return fds, errors.New("stdin, stdout and stderr must be files")
		}
		fds[n] = int(f.Fd())
	}
	return fds, nil
}

// realSSH replaces this process by the next ssh in PATH. It does not return
// unless that fails.
func realSSH(args []string, socket string) error {
	own := filepath.Dir(socket)
	var dirs []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if socket == "" || filepath.Clean(dir) != own {
			dirs = append(dirs, dir)
		}
	}
	searchPath := strings.Join(dirs, string(os.PathListSeparator))
	if err := os.Setenv("PATH", searchPath); err != nil {
		return err
	}
	if err := os.Unsetenv(SocketEnv); err != nil {
		return err
	}
	ssh, err := exec.LookPath("ssh")
	if err != nil {
		return fmt.Errorf("ssh is not in PATH: install OpenSSH's client")
	}
	return fmt.Errorf("starting %s: %w", ssh, syscall.Exec(ssh, append([]string{"ssh"}, args...), os.Environ()))
}

func complain(stderr io.Writer, err error) int {
	_, _ = fmt.Fprintf(stderr, "flakeops: %v\n", err)
	return shimFailed
}

// waitForParent returns when the process that started this one is gone.
func waitForParent() {
	parent := os.Getppid()
	for os.Getppid() == parent {
		time.Sleep(parentPoll)
	}
}

// parentPoll is how often a master looks whether nix is still there.
const parentPoll = time.Second
