package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"flakeops/internal/remote/ask"
	"flakeops/internal/remote/resolve"
	"flakeops/internal/run"
)

// proxyError is a ProxyCommand that ended.
type proxyError struct{ err error }

func (e *proxyError) Error() string { return fmt.Sprintf("ProxyCommand: %v", e.err) }
func (e *proxyError) Unwrap() error { return e.err }

// proxySaid bounds what is kept of what a ProxyCommand prints, in bytes.
const proxySaid = 8 << 10

// proxyGrace is how long a ProxyCommand may take to end once nobody needs it.
const proxyGrace = 2 * time.Second

// proxyConn is the stdin and stdout of a ProxyCommand.
type proxyConn struct {
	in, out *os.File // our ends
	stop    context.CancelFunc
	ended   chan struct{}
	tail    run.Tail // of its stderr
}

// proxy starts c's ProxyCommand through the user's shell, as OpenSSH does. It
// runs until the connection is closed, so its context is not that of the dial.
func proxy(c *resolve.Config) (net.Conn, error) {
	shell := os.Getenv("SHELL")
	if shell == "" {
		shell = "/bin/sh"
	}
	stdin, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	out, stdout, err := os.Pipe()
	if err != nil {
		_ = stdin.Close()
		_ = in.Close()
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	p := &proxyConn{in: in, out: out, stop: stop, ended: make(chan struct{}), tail: run.Tail{Max: proxySaid}}
	go func() {
		// How it ended shows in what it said, if anywhere.
		_, _ = run.Local{}.Run(ctx, run.Command{
			Argv: []string{shell, "-c", "exec " + c.ProxyCmd}, Stdin: stdin, Stdout: stdout, Stderr: &p.tail, Grace: proxyGrace,
		})
		close(p.ended)
		_ = stdin.Close()
		_ = stdout.Close()
	}()
	return p, nil
}

func (p *proxyConn) Read(b []byte) (int, error) {
	n, err := p.out.Read(b)
	if err != nil && !errors.Is(err, os.ErrClosed) {
		err = p.why(err)
	}
	return n, err
}

func (p *proxyConn) Write(b []byte) (int, error) {
	n, err := p.in.Write(b)
	if err != nil && !errors.Is(err, os.ErrClosed) {
		err = p.why(err)
	}
	return n, err
}

// why prefers what the command said to the end of file that it left behind.
func (p *proxyConn) why(err error) error {
	select {
	case <-p.ended:
	case <-time.After(proxyGrace):
		return err
	}
	if s := strings.TrimSpace(p.tail.String()); s != "" {
		return &proxyError{errors.New(ask.Printable(s))}
	}
	return &proxyError{errors.New("it ended")}
}

// Close ends the command and whatever it started.
func (p *proxyConn) Close() error {
	p.stop()
	_ = p.in.Close()
	return p.out.Close()
}

func (p *proxyConn) LocalAddr() net.Addr  { return proxyAddr{} }
func (p *proxyConn) RemoteAddr() net.Addr { return proxyAddr{} }

func (p *proxyConn) SetDeadline(t time.Time) error {
	return errors.Join(p.SetReadDeadline(t), p.SetWriteDeadline(t))
}
func (p *proxyConn) SetReadDeadline(t time.Time) error  { return p.out.SetReadDeadline(t) }
func (p *proxyConn) SetWriteDeadline(t time.Time) error { return p.in.SetWriteDeadline(t) }

// proxyAddr stands for an address that only the ProxyCommand knows.
type proxyAddr struct{}

func (proxyAddr) Network() string { return "pipe" }
func (proxyAddr) String() string  { return "0.0.0.0:0" }
