package flake

import (
	"context"
	"errors"
)

// BuildKind says what a BuildEvent tells.
type BuildKind string

// The kinds of BuildEvent.
const (
	BuildStarted BuildKind = "started" // a derivation began to build
	BuildLog     BuildKind = "log"     // a derivation wrote a line
	BuildBuilt   BuildKind = "built"   // the node's system is in the store
	BuildFailed  BuildKind = "failed"  // the node's system cannot be built; Err says why
)

// BuildEvent is one thing that happened while building.
type BuildEvent struct {
	Node       string // "" for a derivation that several nodes share
	Kind       BuildKind
	Derivation string // store path of the .drv concerned
	Line       string // for BuildLog
	Err        error  // for BuildFailed, a *BuildError
}

// Build builds all nodes in one nix invocation that goes on past failures.
// Each node ends in exactly one BuildBuilt or BuildFailed event. report is
// called serially. The error returned concerns the whole run only.
func (n *Nix) Build(ctx context.Context, nodes []Node, report func(BuildEvent)) error {
	return errors.New("not implemented")
}
