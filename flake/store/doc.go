// Package store asks the store of this machine: it builds, copies, adds and keeps what is
// in there.
package store

import "flakeops/flake/nix"

// Local is the store of this machine.
type Local struct{ *nix.Programs }
