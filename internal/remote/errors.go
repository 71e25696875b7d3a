package remote

import (
	"fmt"

	"flakeops/internal/fault"
)

// UnreachableError is a host that could not be reached over the network in time.
type UnreachableError struct {
	Host string // address, or what it was to be found by
	Up   bool   // something took or refused the connection there, or on the way there
	Err  error
}

// Error names the address and the cause.
func (e *UnreachableError) Error() string {
	return fmt.Sprintf("cannot reach %s: %v", e.Host, e.Err)
}

// Class is the kind of the error.
func (e *UnreachableError) Class() fault.Class { return fault.Unreachable }

// Unwrap gives the network's error.
func (e *UnreachableError) Unwrap() error { return e.Err }
