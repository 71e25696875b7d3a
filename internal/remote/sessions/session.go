package sessions

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"flakeops/internal/run"

	"golang.org/x/crypto/ssh"
)

const (
	stderrTail   = 8 << 10
	defaultGrace = 2 * time.Second

	// refusedFor is how long a session is asked for again that sshd does not open:
	// of MaxSessions it counts one until it has tidied up after its command.
	refusedFor = 10 * time.Second
	behind     = 200 * time.Millisecond // by how much the connection's reader may be late
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
	open    atomic.Pointer[ssh.Channel]
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
	if ch := p.open.Load(); ch != nil {
		refused := make(chan struct{})
		go func() {
			if ok, err := (*ch).SendRequest("signal", true, ssh.Marshal(struct{ Name string }{"TERM"})); !ok || err != nil {
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
		go func() { _ = (*ch).Close() }()
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
	ch, requests, err := c.openSession(ctx)
	if err != nil {
		return -1, err
	}
	defer func() { _ = ch.Close() }()
	ended := make(chan ending, 1)
	go func() { ended <- howItEnds(requests) }()
	p.open.Store(&ch)
	if !p.settled.CompareAndSwap(false, true) {
		return -1, context.Cause(ctx)
	}
	// No reply is asked for: that would be a round trip before the first byte of
	// stdin. A host that starts nothing shows by the silence of its command.
	if _, err := ch.SendRequest("exec", false, ssh.Marshal(struct{ Command string }{line})); err != nil {
		return -1, c.lost(err)
	}
	broken := &breaker{channel: ch}
	var copied sync.WaitGroup
	copied.Go(func() { _, _ = io.Copy(broken.on(s.stdout), ch) })
	copied.Go(func() { _, _ = io.Copy(broken.on(s.stderr), ch.Stderr()) })
	// Not waited for: what stdin is read from may never end, and the command
	// may not care.
	go s.feed(&stdin{channel: ch})
	end := <-ended
	copied.Wait()
	switch {
	case broken.failed() != nil:
		return -1, fmt.Errorf("passing its output on: %w", broken.failed())
	case end.signal != "":
		return -1, &run.SignalError{Signal: end.signal}
	case end.exited:
		return end.code, nil
	}
	return -1, c.lost(errors.New("the session ended without an exit status"))
}

// openSession tries again for a while where sshd refuses.
func (c *Conn) openSession(ctx context.Context) (ssh.Channel, <-chan *ssh.Request, error) {
	until := time.Now().Add(c.patience)
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 250*time.Millisecond) {
		ch, requests, err := c.line.Client.OpenChannel("session", nil)
		var refused *ssh.OpenChannelError
		switch {
		case err == nil:
			return ch, requests, nil
		case !errors.As(err, &refused):
			return nil, nil, c.lost(err)
		case time.Now().After(until):
			return nil, nil, &SessionError{Host: c.Host(), Err: err}
		}
		select {
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		case <-c.closed:
			return nil, nil, c.why
		case <-time.After(pause):
		}
	}
}

// ending is what a host says of how a command ended.
type ending struct {
	exited bool
	code   int
	signal string
}

// howItEnds reads a session's requests until the host has closed it.
func howItEnds(requests <-chan *ssh.Request) (e ending) {
	for r := range requests {
		switch r.Type {
		case "exit-status":
			var m struct{ Code uint32 }
			if ssh.Unmarshal(r.Payload, &m) == nil {
				e.exited, e.code = true, int(m.Code)
			}
		case "exit-signal":
			var m struct {
				Signal   string
				Core     bool
				Message  string
				Language string
			}
			if ssh.Unmarshal(r.Payload, &m) == nil {
				e.signal = m.Signal
			}
		}
		if r.WantReply {
			_ = r.Reply(false, nil)
		}
	}
	return e
}

// stdin is a session's; it can be closed more than once.
type stdin struct {
	channel ssh.Channel
	once    sync.Once
}

func (s *stdin) Write(p []byte) (int, error) { return s.channel.Write(p) }

func (s *stdin) Close() (err error) {
	s.once.Do(func() { err = s.channel.CloseWrite() })
	return err
}

// lost says what the many ways mean in which a session shows that it ended
// without an exit status: the connection is lost, or the host's end of it.
func (c *Conn) lost(err error) error {
	select {
	case <-c.closed:
		return c.why
	case <-time.After(behind):
	}
	return &LostError{Host: c.Host(), Err: err}
}
