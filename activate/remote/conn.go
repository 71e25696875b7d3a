package remote

import (
	"context"
	"errors"

	"flakeops/internal/run"
)

// Conn is a connection to a host. It is a run.Runner for the login user, safe
// for concurrent use.
type Conn struct{ host string }

// Run runs cmd on the host as the login user.
func (c *Conn) Run(ctx context.Context, cmd run.Command) (run.Result, error) {
	return run.Result{Code: -1}, errors.New("not implemented")
}

// Root runs commands as root; it is c itself when the login user is root.
func (c *Conn) Root() run.Runner { return c }

// Host is the address connected to, for messages.
func (c *Conn) Host() string { return c.host }

// Close ends the connection and everything that still runs over it.
func (c *Conn) Close() error { return nil }
