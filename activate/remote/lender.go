package remote

import (
	"context"
	"errors"
	"io"

	"github.com/rs/zerolog"
)

// Lender lends connections to nix. nix finds an `ssh` in PATH that is this
// program, which hands the requested command and its stdio to the Lender.
type Lender struct{}

// NewLender makes the private directory that holds `ssh`, a link to exe, and
// the socket on which the Lender listens until Close.
func NewLender(ctx context.Context, exe string, log zerolog.Logger) (*Lender, error) {
	return nil, errors.New("not implemented")
}

// Lend gives c a host name that is good for nix's store URL (ssh://NAME) until
// takeBack is called, which ends the commands that still run.
func (l *Lender) Lend(c *Conn) (host string, takeBack func()) { return "", func() {} }

// Env is what a nix process needs in its environment to find the Lender.
func (l *Lender) Env() []string { return nil }

// Close ends what still runs and removes the directory.
func (l *Lender) Close() error { return nil }

// Shim is what `ssh` does when nix calls it: it answers for the Lender named by
// FLAKEOPS_SSH_SOCKET and returns the exit status.
func Shim(args []string, stdin io.Reader, stdout, stderr io.Writer) int { return 255 }
