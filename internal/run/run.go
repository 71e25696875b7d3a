// Package run starts processes and waits for them: local children in their own
// session, bound to a context, with argv never passing through a shell.
// A connection to a host implements the same one-method Runner, so code that
// asks nix something does not know where nix runs.
package run

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// Command describes one process. Argv is passed as it is; no shell reads it.
type Command struct {
	Argv   []string      // program and its arguments; Argv[0] is looked up in PATH
	Env    []string      // NAME=value, added to the environment of the Runner
	Dir    string        // working directory; empty means the Runner's own
	Stdin  io.Reader     // nil means /dev/null
	Stdout io.Writer     // nil discards
	Stderr io.Writer     // nil keeps only the tail that an Error reports
	Began  func(pid int) // told of the process once it runs here; nil for nobody
	Grace  time.Duration // from SIGTERM to SIGKILL once the context ends; 0 means 5 s
}

// Result says how a process ended.
type Result struct {
	Code   int   // exit status
	MaxRSS int64 // peak resident memory in bytes, children included; 0 when unknown
}

// Runner runs one command to its end. It returns an *Error when the command
// could not start, exited non-zero or was killed; the context's error is
// wrapped when the context ended it.
type Runner interface {
	Run(ctx context.Context, cmd Command) (Result, error)
}

// Error is a command that did not end well.
type Error struct {
	Argv   []string
	Code   int    // exit status, or -1 when it did not start or died of a signal
	Stderr string // the last lines it wrote
	Err    error  // cause: exec failure, signal, context error; nil for a plain exit status
}

// Error names the program (never its arguments, which may be long or private),
// how it ended, and the last thing it said.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Program())
	switch {
	case e.Err != nil:
		fmt.Fprintf(&b, ": %v", e.Err)
	default:
		fmt.Fprintf(&b, ": exit status %d", e.Code)
	}
	if s := strings.TrimSpace(e.Stderr); s != "" {
		b.WriteString(": ")
		b.WriteString(s)
	}
	return b.String()
}

// Unwrap gives the cause, so that errors.Is finds exec.ErrNotFound or context.Canceled.
func (e *Error) Unwrap() error { return e.Err }

// Program is the name of the command that failed.
func (e *Error) Program() string {
	if len(e.Argv) == 0 {
		return "command"
	}
	return e.Argv[0]
}

// Output runs cmd and returns what it wrote to stdout.
func Output(ctx context.Context, r Runner, cmd Command) ([]byte, error) {
	var out bytes.Buffer
	cmd.Stdout = &out
	_, err := r.Run(ctx, cmd)
	return out.Bytes(), err
}
