package fleet

import (
	"context"

	"flakeops/flake"
	"flakeops/flake/store"
	"flakeops/internal/run"
	"flakeops/internal/settings"
	"flakeops/keys"
)

// Source is what a run asks of a flake; *flake.Flake is one.
type Source interface {
	Evaluate(ctx context.Context, names []string, want flake.Want, report func(flake.Evaluation)) error
	// Addresses are the outputs by which the flake tells other tools where hosts are.
	Addresses(ctx context.Context) ([]flake.Other, error)
}

// Store is what a run asks of the local nix store.
type Store interface {
	Build(ctx context.Context, jobs []store.Job, report func(store.BuildEvent)) error
	// Keep saves a store path from garbage collection during the run.
	Keep(ctx context.Context, name, storePath string) error
	// Closure gives the sizes of what a store path needs; nil for one that is not there.
	Closure(ctx context.Context, storePath string) (map[string]int64, error)
}

// Reader reads a node's keys on this machine; *keys.Reader is one.
type Reader interface {
	Read(ctx context.Context, node string, of []settings.Key) ([]keys.Value, error)
}

// Network makes connections to hosts.
type Network interface {
	Dial(ctx context.Context, node string, to settings.Settings) (Host, error)
}

// Host is a host that can be reached. What else is done there is done by functions
// over its Runner.
type Host interface {
	// Root runs commands as root. A connection that broke since the last one is made
	// again: nothing was lost with it.
	Root() run.Runner
	// User does so as the login user.
	User() run.Runner
	// Copy copies store paths to the host; c's Store and Env are its own.
	Copy(ctx context.Context, c store.Copy) error
	// Fresh is the same host by a connection of its own, dialled now.
	Fresh(ctx context.Context) (Host, error)
	// Address is where the host is reached.
	Address() string
	Close() error
}
