package lend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"flakeops/internal/remote/sshargs"
	"flakeops/internal/run"
)

// requestTimeout is how long a shim may take to say what it wants.
const requestTimeout = 10 * time.Second

// serve answers one shim.
func (l *Lender) serve(c *net.UnixConn) {
	_ = c.SetDeadline(time.Now().Add(requestTimeout))
	req, files, err := receive(c)
	_ = c.SetDeadline(time.Time{})
	defer files.close()
	answer := reply{Code: shimFailed}
	if err == nil {
		answer.Code, err = l.call(c, req, files)
	}
	if err != nil {
		l.log.Debug().Err(err).Str("host", req.Host).Msg("a call of nix to ssh failed")
		answer.Message = err.Error()
	}
	frame, err := encodeFrame(answer)
	if err == nil {
		_ = c.SetWriteDeadline(time.Now().Add(requestTimeout))
		_, _ = c.Write(frame)
	}
}

// call runs what nix wants on the host it was lent.
func (l *Lender) call(c *net.UnixConn, req request, files stdio) (int, error) {
	n, ok := l.borrow(req.Host)
	if !ok {
		return shimFailed, fmt.Errorf("no connection is lent under the name %s", req.Host)
	}
	defer n.calls.Done()
	argv, err := storeCommand(req.Command)
	if err != nil {
		return shimFailed, err
	}
	if req.Started {
		if _, err := io.WriteString(files[1], "started\n"); err != nil {
			return shimFailed, err
		}
	}
	ctx, cancel := context.WithCancelCause(n.ctx)
	defer cancel(nil)
	go func() {
		// The shim sends nothing more; its end shows as the end of the socket.
		_, _ = c.Read(make([]byte, 1))
		cancel(nil)
	}()
	// A writer that is stuck because nobody reads must not outlive ctx.
	stop := context.AfterFunc(ctx, files.close)
	defer stop()
	talk := followTalk(n.silence, cancel)
	defer talk.storeSaid()
	_, err = n.root.Run(ctx, run.Command{Argv: argv, Stdin: talk.nix(files[0]), Stdout: talk.store(files[1]), Stderr: files[2]})
	if err == nil {
		return 0, nil
	}
	code, err := failedStore(path.Base(argv[0])+" on the host", err)
	var silent *SilentError
	if ctx.Err() == nil || errors.As(err, &silent) {
		n.fail(err)
	}
	if code != shimFailed {
		return code, nil // its stderr is with nix already
	}
	return code, err
}

// failedStore says how a store ended, and with which exit status nix is told.
func failedStore(name string, err error) (int, error) {
	var re *run.Error
	switch {
	case !errors.As(err, &re):
		return shimFailed, err
	case re.Err == nil:
		return re.Code, fmt.Errorf("%s: exit status %d%s", name, re.Code, lastWords(re.Stderr))
	}
	return shimFailed, fmt.Errorf("%s: %w%s", name, re.Err, lastWords(re.Stderr))
}

// lastWords are the last lines of what a command printed.
func lastWords(stderr string) string {
	const most = 5
	stderr = strings.TrimSpace(stderr)
	if stderr == "" {
		return ""
	}
	lines := strings.Split(stderr, "\n")
	return ": " + strings.Join(lines[max(len(lines)-most, 0):], "\n")
}

// storeCommand takes a command line apart and allows it only if it serves a
// store over stdin and stdout.
func storeCommand(line string) ([]string, error) {
	argv, err := sshargs.Split(line)
	if err != nil {
		return nil, fmt.Errorf("command %q: %w", line, err)
	}
	refused := fmt.Errorf("refused to run %q: the connection is lent for nix-store --serve and nix-daemon --stdio only", line)
	if len(argv) < 2 {
		return nil, refused
	}
	var wanted []string
	switch path.Base(argv[0]) {
	case "nix-store":
		wanted = []string{"--serve", "--write"}
	case "nix-daemon":
		wanted = []string{"--stdio"}
	default:
		return nil, refused
	}
	if argv[0] != path.Base(argv[0]) && !path.IsAbs(argv[0]) {
		return nil, refused
	}
	rest := argv[1:]
	for _, w := range wanted {
		if len(rest) == 0 || rest[0] != w {
			return nil, refused
		}
		rest = rest[1:]
	}
	for i := 0; i < len(rest); i++ {
		// The only argument that nix adds is the URL's remote-store.
		if rest[i] != "--store" || i+1 == len(rest) || strings.HasPrefix(rest[i+1], "-") {
			return nil, refused
		}
		i++
	}
	return argv, nil
}

// stdio are the shim's stdin, stdout and stderr.
type stdio [3]*os.File

func (s stdio) close() {
	for _, f := range s {
		if f != nil {
			_ = f.Close()
		}
	}
}

// receive reads the request and the three files that come with it.
func receive(c *net.UnixConn) (req request, files stdio, err error) {
	buf, oob := make([]byte, 4+maxFrame), make([]byte, syscall.CmsgSpace(3*4))
	n, oobn, _, _, err := c.ReadMsgUnix(buf, oob)
	if err != nil {
		return req, files, err
	}
	messages, err := syscall.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return req, files, err
	}
	count := 0
	for _, m := range messages {
		fds, err := syscall.ParseUnixRights(&m)
		if err != nil {
			continue
		}
		for _, fd := range fds {
			if count == len(files) {
				_ = syscall.Close(fd)
				continue
			}
			files[count] = openFile(fd, count)
			count++
		}
	}
	if err := readFrame(io.MultiReader(bytes.NewReader(buf[:n]), c), &req); err != nil {
		return req, files, fmt.Errorf("reading the request: %w", err)
	}
	if count != len(files) {
		return req, files, fmt.Errorf("%d of %d files came with the request", count, len(files))
	}
	return req, files, nil
}

// openFile wraps a file that was received. Pipes and sockets for stdin and
// stdout belong to this call alone and are made non-blocking, so that closing
// them ends a pending read or write; stderr is shared with nix, which would not
// expect that.
func openFile(fd, n int) *os.File {
	syscall.CloseOnExec(fd)
	var st syscall.Stat_t
	if n < 2 && syscall.Fstat(fd, &st) == nil {
		if kind := st.Mode & syscall.S_IFMT; kind == syscall.S_IFIFO || kind == syscall.S_IFSOCK {
			_ = syscall.SetNonblock(fd, true)
			widen(fd)
		}
	}
	return os.NewFile(uintptr(fd), [3]string{"stdin", "stdout", "stderr"}[n])
}
