package activate

import (
	"context"

	"flakeops/internal/run"
)

// Link is one connection to a host; *remote.Conn is one.
type Link interface {
	// Root runs commands as root.
	Root() run.Runner
	Close() error
}

// Host is how a deployment reaches its host.
type Host struct {
	// Link is open and starts the deployment. Run does not close it.
	Link Link
	// Dial opens a new connection, never a shared one, and tries every address
	// the host may have after activation. Run closes what it opens, unless Adopt
	// takes it.
	Dial func(ctx context.Context) (Link, error)
	// Adopt takes the connection that confirmed, as Run ends. Nil has it closed.
	Adopt func(Link)
	// GiveUp is closed when nobody waits for an end any more; nil never is.
	GiveUp <-chan struct{}
}
