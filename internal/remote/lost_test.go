package remote

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"flakeops/internal/remote/sessions"
	"flakeops/internal/run"
)

// relay passes bytes on until it is frozen.
type relay struct {
	to     *sshd
	port   int
	mu     sync.Mutex
	frozen bool
	conns  []net.Conn
}

func startRelay(t *testing.T, to *sshd) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	r := &relay{to: to, port: l.Addr().(*net.TCPAddr).Port}
	t.Cleanup(func() {
		_ = l.Close()
		r.cut()
	})
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to.addr())
			if err != nil {
				_ = in.Close()
				continue
			}
			r.mu.Lock()
			r.conns = append(r.conns, in, out)
			r.mu.Unlock()
			go func() { _, _ = io.Copy(r.sieve(in), out) }()
			go func() { _, _ = io.Copy(r.sieve(out), in) }()
		}
	}()
	return r
}

// sieve swallows what is written while the relay is frozen.
func (r *relay) sieve(w io.Writer) io.Writer {
	return writerFunc(func(p []byte) (int, error) {
		r.mu.Lock()
		frozen := r.frozen
		r.mu.Unlock()
		if frozen {
			return len(p), nil
		}
		return w.Write(p)
	})
}

func (r *relay) freeze() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.frozen = true
}

func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		_ = c.Close()
	}
}

// overRelay is a connection whose link a test can break.
func overRelay(t *testing.T, options ...string) (*relay, *sessions.Conn) {
	t.Helper()
	k := newKey(t, "ed25519", "")
	h := startSSHD(t, []key{k})
	r := startRelay(t, h)
	s := newSetup(t, "h "+h.key.line()+"\n",
		fmt.Sprintf("Host h\n HostName 127.0.0.1\n Port %d\n HostKeyAlias h\n IdentityFile %s\n%s", r.port, k.file, indent(options)))
	return r, s.dial(t, "h")
}

// lostDuring runs a command that never ends while breaking the link.
func lostDuring(t *testing.T, c *sessions.Conn, breakIt func()) {
	t.Helper()
	var once sync.Once
	start := time.Now()
	_, err := c.Run(testContext(t), run.Command{
		Argv:   []string{"sh", "-c", "echo ready; exec cat"},
		Stdin:  neverEnds{c.Done()},
		Stdout: writerFunc(func(p []byte) (int, error) { once.Do(breakIt); return len(p), nil }),
	})
	var lost *sessions.LostError
	var re *run.Error
	if !errors.As(err, &lost) || !errors.As(err, &re) || re.Code != -1 {
		t.Fatalf("error %v", err)
	}
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("it took %v", took)
	}
	contains(t, err.Error(), "lost the connection")
	<-c.Done()
	_, err = c.Run(testContext(t), run.Command{Argv: []string{"true"}})
	if !errors.As(err, &lost) {
		t.Errorf("afterwards: %v", err)
	}
}

func TestConnectionThatBreaks(t *testing.T) {
	r, c := overRelay(t)
	lostDuring(t, c, r.cut)
}

func TestConnectionThatFallsSilent(t *testing.T) {
	r, c := overRelay(t, "ServerAliveInterval 1", "ServerAliveCountMax 1")
	lostDuring(t, c, r.freeze)
}

func TestKeepAliveLetsAnIdleConnectionLive(t *testing.T) {
	_, c := overRelay(t, "ServerAliveInterval 1", "ServerAliveCountMax 3")
	_, err := c.Run(testContext(t), run.Command{Argv: []string{"sleep", "6"}})
	must(t, err)
}
