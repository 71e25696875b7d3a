package auth

import (
	"fmt"
	"strings"

	"flakeops/internal/fault"
)

// Error is a host that accepted none of what was offered.
type Error struct {
	Host    string   // host:port
	User    string   // login user
	Login   string   // an ssh command line that goes the same way
	Tried   []string // what was offered, in order
	Skipped []string // what could not be offered, and why
	Accepts []string // the methods that the host would take
	Err     error    // how the handshake ended
}

// Error lists what was offered.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s at %s lets nobody in with ", e.User, e.Host)
	if len(e.Tried) == 0 {
		b.WriteString("nothing to offer")
	} else {
		b.WriteString(strings.Join(e.Tried, ", "))
	}
	if len(e.Skipped) > 0 {
		fmt.Fprintf(&b, "; not offered: %s", strings.Join(e.Skipped, ", "))
	}
	if len(e.Accepts) > 0 {
		fmt.Fprintf(&b, "; it accepts %s", strings.Join(e.Accepts, ", "))
	}
	if e.Err != nil {
		fmt.Fprintf(&b, " (%v)", e.Err)
	}
	return b.String()
}

// Unwrap gives the handshake's error.
func (e *Error) Unwrap() error { return e.Err }

// Hint is how to have the key offered.
func (e *Error) Hint() string {
	return fmt.Sprintf("set IdentityFile in ssh_config or add the key to ssh-agent, then try `%s`", e.Login)
}

// Class is the kind of the error.
func (e *Error) Class() fault.Class { return fault.Refused }
