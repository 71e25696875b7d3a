package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"flakeops/internal/run"
)

const (
	stderrTail   = 8 << 10
	defaultGrace = 2 * time.Second

	// sshd counts a session against MaxSessions for a moment after its command
	// has ended.
	refusedFor   = 2 * time.Second        // tried again for so long
	refusedEvery = 100 * time.Millisecond // and so often
	behind       = 200 * time.Millisecond // by how much the connection's reader may be late
)

// streams are what a session is connected to.
type streams struct {
	stdout io.Writer              // nil discards
	stderr io.Writer              // not nil
	feed   func(w io.WriteCloser) // writes stdin and closes it; runs beside the session
	grace  time.Duration          // from SIGTERM to giving the session up
}

type outcome struct {
	code int
	err  error
}

// progress is what a session's driver shows of it.
type progress struct {
	open    atomic.Pointer[ssh.Session]
	settled atomic.Bool // whether the command is run: by who asks the host to, or gives up before
}

// session runs line and waits for its end. The error is nil for an exit status,
// and a *run.NotStartedError for what the host was never asked to run. When it
// returns nothing is written to the streams any more, even if the session itself
// could not be ended.
func (c *Conn) session(ctx context.Context, line string, s streams) (int, error) {
	var p progress
	code, err := c.watch(ctx, line, s, &p)
	if err != nil && p.settled.CompareAndSwap(false, true) {
		err = &run.NotStartedError{Err: err}
	}
	return code, err
}

// watch has a session driven until it, the connection or ctx ends.
func (c *Conn) watch(ctx context.Context, line string, s streams, p *progress) (code int, err error) {
	if err := ctx.Err(); err != nil {
		return -1, context.Cause(ctx)
	}
	out, errw := &valve{w: s.stdout}, &valve{w: s.stderr}
	defer out.shut()
	defer errw.shut()
	s.stdout, s.stderr = out, errw
	if s.grace == 0 {
		s.grace = defaultGrace
	}

	done := make(chan outcome, 1)
	go func() {
		code, err := c.drive(ctx, line, s, p)
		done <- outcome{code, err}
	}()
	select {
	case o := <-done:
		return o.code, o.err
	case <-c.closed:
		return c.afterLoss(done)
	case <-ctx.Done():
	}
	if sess := p.open.Load(); sess != nil {
		refused := make(chan struct{})
		go func() {
			if ok, err := sess.SendRequest("signal", true, ssh.Marshal(struct{ Name string }{"TERM"})); !ok || err != nil {
				close(refused)
			}
		}()
		timer := time.NewTimer(s.grace)
		defer timer.Stop()
		select {
		case <-done:
		case <-refused: // OpenSSH signals nothing for root
		case <-c.closed:
		case <-timer.C:
		}
		go func() { _ = sess.Close() }()
	}
	return -1, context.Cause(ctx)
}

// afterLoss prefers an exit status that arrived in the last moment.
func (c *Conn) afterLoss(done <-chan outcome) (int, error) {
	timer := time.NewTimer(behind)
	defer timer.Stop()
	select {
	case o := <-done:
		return o.code, o.err
	case <-timer.C:
		return -1, c.why
	}
}

// drive opens the session and sees it through.
func (c *Conn) drive(ctx context.Context, line string, s streams, p *progress) (int, error) {
	sess, err := c.openSession(ctx)
	if err != nil {
		return -1, err
	}
	defer func() { _ = sess.Close() }()
	p.open.Store(sess)
	if ctx.Err() != nil {
		return -1, context.Cause(ctx)
	}
	stdin, err := sess.StdinPipe()
	if err != nil {
		return -1, err
	}
	broken := &breaker{session: sess}
	sess.Stdout, sess.Stderr = broken.on(s.stdout), broken.on(s.stderr)
	if !p.settled.CompareAndSwap(false, true) {
		return -1, context.Cause(ctx)
	}
	if err := sess.Start(line); errors.Is(err, io.EOF) {
		return -1, c.lost(err)
	} else if err != nil {
		return -1, fmt.Errorf("starting the command: %w", err)
	}
	// Not waited for: what stdin is read from may never end, and the command
	// may not care.
	go s.feed(stdin)
	err = sess.Wait()
	var exit *ssh.ExitError
	switch {
	case broken.failed() != nil:
		return -1, fmt.Errorf("passing its output on: %w", broken.failed())
	case err == nil:
		return 0, nil
	case errors.As(err, &exit) && exit.Signal() != "":
		return -1, fmt.Errorf("killed by signal: %s", exit.Signal())
	case errors.As(err, &exit):
		return exit.ExitStatus(), nil
	}
	return -1, c.lost(err)
}

// openSession tries again for a while where sshd refuses.
func (c *Conn) openSession(ctx context.Context) (*ssh.Session, error) {
	for until := time.Now().Add(refusedFor); ; {
		sess, err := c.link.client.NewSession()
		var refused *ssh.OpenChannelError
		switch {
		case err == nil:
			return sess, nil
		case !errors.As(err, &refused):
			return nil, c.lost(err)
		case time.Now().After(until):
			return nil, fmt.Errorf("%s opens no session: %w (is MaxSessions of the host's sshd_config too low?)", c.Host(), err)
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-c.closed:
			return nil, c.why
		case <-time.After(refusedEvery):
		}
	}
}

// lost says what the many ways mean in which a session shows that it ended
// without an exit status: the connection is lost, or the host's end of it.
func (c *Conn) lost(err error) error {
	select {
	case <-c.closed:
		return c.why
	case <-time.After(behind):
	}
	var missing *ssh.ExitMissingError
	if errors.As(err, &missing) {
		err = errors.New("the session ended without an exit status")
	}
	return &LostError{Node: c.target.Node, Host: c.Host(), Err: err}
}

// valve is a writer that can be shut: after that nothing reaches w.
type valve struct {
	mu     sync.Mutex
	w      io.Writer
	closed bool
}

func (v *valve) Write(p []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed || v.w == nil {
		return len(p), nil
	}
	return v.w.Write(p)
}

func (v *valve) shut() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
}

// breaker ends a session when what it prints cannot be passed on, as SIGPIPE
// ends a local command.
type breaker struct {
	session *ssh.Session
	mu      sync.Mutex
	err     error
}

func (b *breaker) failed() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

func (b *breaker) on(w io.Writer) io.Writer {
	return writerFunc(func(p []byte) (int, error) {
		n, err := w.Write(p)
		if err != nil {
			b.mu.Lock()
			b.err = err
			b.mu.Unlock()
			_ = b.session.Close()
		}
		return n, err
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// both writes to w, if it is not nil, and to the tail.
func both(w, tail io.Writer) io.Writer {
	if w == nil {
		return tail
	}
	return io.MultiWriter(w, tail)
}

// copyBuffer is larger than a packet, so that one read feeds several.
const copyBuffer = 256 << 10

// copyInto feeds a session from r; nil is an empty stdin.
func copyInto(r io.Reader) func(io.WriteCloser) {
	return func(w io.WriteCloser) {
		if r != nil {
			// The struct hides r's own WriteTo, which would use a small buffer.
			_, _ = io.CopyBuffer(w, struct{ io.Reader }{r}, make([]byte, copyBuffer))
		}
		_ = w.Close()
	}
}
