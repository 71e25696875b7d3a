package sessions

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"flakeops/internal/remote/ask"
	"flakeops/internal/run"

	"golang.org/x/crypto/ssh"
)

// Conn is a connection to a host. It is a run.Runner for the login user, safe
// for concurrent use. What runs over it ends with a *run.Error; in it is a
// *LostError when the connection broke, a *SessionError when the host opened no
// session, and a *ShellError when the login shell did not do its part.
type Conn struct {
	line Line

	patience time.Duration // with a host that opens no session

	once   sync.Once
	closed chan struct{} // closed when the connection is of no more use
	why    error         // set before closed is closed
}

// errClosed is why a Conn that was closed in good order runs nothing.
var errClosed = errors.New("the connection is closed")

// Line is a connection whose host is the right one and has let the user in.
type Line struct {
	Client     *ssh.Client
	HangUp     func()        // ends it, without waiting for a host that is gone
	Heard      func() int64  // another number after the host has sent anything
	Host       string        // its address, for messages
	User       string        // who is logged in
	Alive      time.Duration // how often a silent host is asked whether it is there
	AliveCount int           // after how many questions it is given up; 0: never
	Elevate    []string      // argv that makes a command run as root, such as sudo -H --

	Node     string        // name of the host's node, for questions
	Operator *ask.Operator // whom to ask for sudo's password
}

// New makes a Conn of a line. It ends with the line, or when the host falls silent.
func New(line Line) *Conn {
	c := &Conn{line: line, patience: refusedFor, closed: make(chan struct{})}
	go func() { c.end(&LostError{Host: line.Host, Err: line.Client.Wait()}) }()
	go c.keepAlive()
	return c
}

// Host is the address connected to, for messages.
func (c *Conn) Host() string { return c.line.Host }

// User is the login user.
func (c *Conn) User() string { return c.line.User }

// Done is closed when the connection has ended, for whatever reason.
func (c *Conn) Done() <-chan struct{} { return c.closed }

// Lost is the *LostError of a connection that broke, and nil for one that lives or
// was closed in good order. It waits a moment for the news: what failed because of
// the loss may have been noticed first.
func (c *Conn) Lost() error {
	select {
	case <-c.closed:
	case <-time.After(behind):
		return nil
	}
	var lost *LostError
	if errors.As(c.why, &lost) {
		return c.why
	}
	return nil
}

// Close ends the connection and everything that still runs over it.
func (c *Conn) Close() error {
	c.end(errClosed)
	return nil
}

func (c *Conn) end(why error) {
	c.once.Do(func() {
		c.why = why
		close(c.closed)
		c.line.HangUp()
	})
}

// keepAlive asks a silent host whether it is there, and gives the connection up
// after too many questions without a sign of life. Whatever the host sends is such
// a sign, so an answer that queues behind data is no harm.
func (c *Conn) keepAlive() {
	ticker := time.NewTicker(c.line.Alive)
	defer ticker.Stop()
	missed, pending := 0, make(chan struct{}, 1)
	last := c.line.Heard()
	for {
		select {
		case <-c.closed:
			return
		case <-ticker.C:
		}
		if heard := c.line.Heard(); heard != last {
			last, missed = heard, 0
		} else if missed++; c.line.AliveCount > 0 && missed > c.line.AliveCount {
			c.end(&LostError{Host: c.Host(), Err: fmt.Errorf("no sign of life for %v", c.line.Alive*time.Duration(missed))})
			return
		}
		select {
		case pending <- struct{}{}:
			go func() {
				_, _, _ = c.line.Client.SendRequest("keepalive@openssh.com", true, nil)
				<-pending
			}()
		default: // the last question is still on its way
		}
	}
}

// Root runs commands as root: it is c itself when the login user is root, and
// otherwise becomes root by the line's elevation command.
func (c *Conn) Root() run.Runner {
	if c.User() == "root" {
		return c
	}
	return &elevated{c}
}

// Run runs cmd on the host as the login user. Env is seen by other users of the
// host, as argv is, so it is no place for secrets. When ctx ends the command gets
// SIGTERM and, after cmd.Grace (2 s if that is 0), loses its session. OpenSSH's
// server sends no signals for root: such a command loses its session at once, and
// notices that only when it reads or writes.
func (c *Conn) Run(ctx context.Context, cmd run.Command) (run.Result, error) {
	return c.command(ctx, cmd, nil)
}
