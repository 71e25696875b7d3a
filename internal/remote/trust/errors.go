package trust

import (
	"fmt"

	"flakeops/internal/fault"
)

// HostKeyError is a host key that was refused. Nothing was sent to the host
// but what the key exchange needs.
type HostKeyError struct {
	Host        string // as known_hosts names it: host or [host]:port
	File        string // known_hosts file that speaks against the key; empty for an unknown key
	Line        int    // line in File, from 1
	Type        string // algorithm of the key presented
	Fingerprint string // SHA256:... of the key presented
	Reason      string // what is wrong with the key
	Next        string // what to do about it
}

// Error says what was presented and what speaks against it.
func (e *HostKeyError) Error() string {
	s := fmt.Sprintf("host key of %s %s: it presents %s %s", e.Host, e.Reason, e.Type, e.Fingerprint)
	if e.File != "" {
		s += fmt.Sprintf(", against %s:%d", e.File, e.Line)
	}
	return s
}

// Hint is what to do about it, "" for nothing in particular.
func (e *HostKeyError) Hint() string { return e.Next }

// Class is the kind of the error.
func (e *HostKeyError) Class() fault.Class { return fault.Refused }
