package sessions

import (
	"fmt"
	"strings"

	"flakeops/internal/fault"
)

// LostError is a connection that broke while it was in use. What ran over it
// may still run, or have ended; only the host knows.
type LostError struct {
	Host string
	Err  error
}

// Error names the address and the cause.
func (e *LostError) Error() string {
	return fmt.Sprintf("lost the connection to %s: %v", e.Host, e.Err)
}

// Class is the kind of the error.
func (e *LostError) Class() fault.Class { return fault.Unreachable }

// Unwrap gives the network's error.
func (e *LostError) Unwrap() error { return e.Err }

// SessionError is a host that is connected, but opens no session. Nothing of the
// command was sent.
type SessionError struct {
	Host string
	Err  error // a *ssh.OpenChannelError
}

// Error says what sshd says.
func (e *SessionError) Error() string {
	return fmt.Sprintf("sshd at %s opens no session: %v", e.Host, e.Err)
}

// Hint is what may be wrong.
func (e *SessionError) Hint() string {
	return "MaxSessions of the host's sshd_config may be too low: raise it"
}

// Class is the kind of the error.
func (e *SessionError) Class() fault.Class { return fault.Refused }

// Unwrap gives sshd's refusal.
func (e *SessionError) Unwrap() error { return e.Err }

// ShellError is a login shell that did not run the shell that runs commands.
type ShellError struct {
	User string // whose shell it is
	Code int    // exit status; -1 where it has none
	Said string // what it printed on stderr
	Err  error  // why, unless it exited
}

// Error names the user, what the shell was asked for and what it said.
func (e *ShellError) Error() string {
	why := fmt.Sprintf("exit status %d", e.Code)
	if e.Err != nil {
		why = e.Err.Error()
	}
	if e.Said != "" {
		why += ": " + e.Said
	}
	return fmt.Sprintf("the login shell of %s did not run %q: %s", e.User, shellLine, why)
}

// Hint is what kind of shell it takes.
func (e *ShellError) Hint() string {
	return fmt.Sprintf("give %s a shell that runs commands, whose startup files neither end it nor read stdin", e.User)
}

// Class is the kind of the error.
func (e *ShellError) Class() fault.Class { return fault.Refused }

// Unwrap gives the cause.
func (e *ShellError) Unwrap() error { return e.Err }

// ElevationError is a login user who could not become root.
type ElevationError struct {
	User    string
	Command []string // deployment.privilegeEscalationCommand
	Err     error    // why, unless the command itself said it on stderr
}

// Error names the user and the command, and why it did not work.
func (e *ElevationError) Error() string {
	s := fmt.Sprintf("%s could not become root", e.User)
	if len(e.Command) > 0 {
		s += fmt.Sprintf(" with %q", strings.Join(e.Command, " "))
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Hint is where to look, unless the cause knows better.
func (e *ElevationError) Hint() string {
	if e.Err != nil {
		return ""
	}
	return "check deployment.privilegeEscalationCommand"
}

// Class is the kind of the error.
func (e *ElevationError) Class() fault.Class { return fault.Refused }

// Unwrap gives the cause.
func (e *ElevationError) Unwrap() error { return e.Err }

// passwordError is a sudo password that nobody gives.
type passwordError struct {
	user string
	err  error
}

func (e *passwordError) Error() string {
	return fmt.Sprintf("sudo wants the password of %s, and %v", e.user, e.err)
}
func (e *passwordError) Unwrap() error { return e.err }
func (e *passwordError) Hint() string {
	return fmt.Sprintf("run flakeops on a terminal, or let %s use sudo without a password", e.user)
}
