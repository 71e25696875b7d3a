package lend

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"flakeops/internal/run"

	"github.com/rs/zerolog"
)

// SocketEnv names the environment variable that tells the shim where its
// Lender listens.
const SocketEnv = "FLAKEOPS_SSH_SOCKET"

// maxSocketPath is the longest path a Unix socket can have everywhere.
const maxSocketPath = 100

// A Lender's directory, and what is in it.
const (
	dirPrefix  = "flakeops-"
	socketName = "socket"
)

// Lender lends connections to nix. nix finds an `ssh` in PATH that is this
// program, which hands the requested command and its stdio to the Lender. Only
// the two commands that serve a store are run, and always elevated: so the
// login user needs root by sudo, and no trust of the host's nix daemon.
type Lender struct {
	ctx      context.Context
	cancel   context.CancelFunc
	dir      string
	listener *net.UnixListener
	log      zerolog.Logger

	mu    sync.Mutex
	count int
	loans map[string]*loan
	calls sync.WaitGroup
}

// loan is one connection while nix may use it.
type loan struct {
	root    run.Runner    // of the host
	silence time.Duration // how long the store may owe nix an answer
	ctx     context.Context
	cancel  context.CancelFunc
	calls   sync.WaitGroup

	mu     sync.Mutex
	failed error // how the first call ended that failed on the host
}

// fail notes why a call failed.
func (n *loan) fail(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.failed == nil {
		n.failed = err
	}
}

// New makes the private directory that holds `ssh`, a link to exe, and
// the socket on which the Lender listens until Close. What is lent ends with
// ctx.
func New(ctx context.Context, exe string, log zerolog.Logger) (*Lender, error) {
	dir, err := privateDir()
	if err != nil {
		return nil, fmt.Errorf("lending connections to nix: %w", err)
	}
	l := &Lender{dir: dir, log: log, loans: make(map[string]*loan)}
	err = os.Symlink(exe, filepath.Join(dir, "ssh"))
	if err == nil {
		l.listener, err = net.ListenUnix("unix", &net.UnixAddr{Name: l.socket(), Net: "unix"})
	}
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, fmt.Errorf("lending connections to nix: %w", err)
	}
	l.ctx, l.cancel = context.WithCancel(ctx)
	l.calls.Add(1)
	go l.accept()
	return l, nil
}

// privateDir makes a directory for this user alone, with a name short enough
// for a socket in it.
func privateDir() (string, error) {
	var failed []error
	for _, base := range []string{os.Getenv("XDG_RUNTIME_DIR"), os.TempDir(), "/tmp"} {
		if base == "" || len(filepath.Join(base, dirPrefix+"1234567890", socketName)) > maxSocketPath {
			continue
		}
		removeLeftovers(base)
		dir, err := os.MkdirTemp(base, dirPrefix) // 0700
		if err == nil {
			return dir, nil
		}
		failed = append(failed, err)
	}
	return "", errors.Join(failed...)
}

func (l *Lender) socket() string { return filepath.Join(l.dir, socketName) }

// Lend gives the host that root runs on an address that is good for nix's store URL
// (ssh://HOST) until takeBack is called, which ends the commands that still run and returns what
// went wrong on the host, if anything did. A store that owes nix an answer for as
// long as silence is given up. The name is in the domain .invalid, so no real host
// can have it.
func (l *Lender) Lend(root run.Runner, silence time.Duration) (host string, takeBack func() error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count++
	host = fmt.Sprintf("flakeops-%d.invalid", l.count)
	n := &loan{root: root, silence: silence}
	n.ctx, n.cancel = context.WithCancel(l.ctx)
	l.loans[host] = n
	return host, sync.OnceValue(func() error {
		l.mu.Lock()
		delete(l.loans, host)
		l.mu.Unlock()
		n.cancel()
		n.calls.Wait()
		n.mu.Lock()
		defer n.mu.Unlock()
		return n.failed
	})
}

// borrow finds a loan and notes that a command uses it.
func (l *Lender) borrow(host string) (*loan, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, ok := l.loans[host]
	if ok {
		n.calls.Add(1)
	}
	return n, ok
}

// Env is what a nix process needs in its environment to find the Lender.
func (l *Lender) Env() []string {
	return []string{
		"PATH=" + l.dir + string(os.PathListSeparator) + os.Getenv("PATH"),
		SocketEnv + "=" + l.socket(),
	}
}

// Close ends what still runs and removes the directory.
func (l *Lender) Close() error {
	l.cancel()
	err := l.listener.Close()
	l.calls.Wait()
	return errors.Join(err, os.RemoveAll(l.dir))
}

func (l *Lender) accept() {
	defer l.calls.Done()
	for {
		c, err := l.listener.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			l.log.Warn().Err(err).Msg("a call of nix to ssh could not be accepted")
			select {
			case <-l.ctx.Done():
				return
			case <-time.After(50 * time.Millisecond): // out of file descriptors, for instance
			}
			continue
		}
		l.calls.Add(1)
		go func() {
			defer l.calls.Done()
			defer func() { _ = c.Close() }()
			l.serve(c)
		}()
	}
}
