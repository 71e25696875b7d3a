package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"

	"flakeops/internal/limit"
	"flakeops/internal/run"
)

// Execution is a command that is run on hosts.
type Execution struct {
	Argv   []string         // as it arrives there: no shell reads it
	AsRoot bool             // rather than as the login user
	Stdin  func() io.Reader // for each host one; nil for an empty one
	Keep   bool             // what it writes is kept, and not told as it comes
}

// Ran is how a command ended on a node's host.
type Ran struct {
	Code           int    // exit status; -1 without one
	Signal         string // that ended it, such as KILL
	Stdout, Stderr []byte // where they were to be kept
}

// Execute runs a command on the node's host, of which no more is asked than that it
// lets the user in. An exit status other than 0 is an error.
func (n *Node) Execute(ctx context.Context, e Execution) error {
	if err := n.locate(ctx); err != nil {
		return err
	}
	h, err := n.Host(ctx)
	if err != nil {
		return err
	}
	n.began(Executing)
	cmd := run.Command{Argv: e.Argv, Stdout: told{n, false}, Stderr: told{n, true}}
	stdout, stderr := run.Head{Max: maxKept}, run.Head{Max: maxKept}
	if e.Keep {
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
	}
	if e.Stdin != nil {
		cmd.Stdin = e.Stdin()
	}
	_, err = as(h, e.AsRoot).Run(ctx, cmd)
	n.Ran = &Ran{Stdout: stdout.Bytes(), Stderr: stderr.Bytes()}
	var failed *run.Error
	var killed *run.SignalError
	switch {
	case errors.As(err, &killed):
		n.Ran.Code, n.Ran.Signal = -1, killed.Signal
		return killed
	case errors.As(err, &failed) && failed.Err == nil:
		n.Ran.Code = failed.Code
		return fmt.Errorf("exit status %d", failed.Code)
	case errors.As(err, &failed):
		err = failed.Err // what the command said was told
	}
	if err != nil {
		n.Ran.Code = -1
	}
	return limit.Because(ctx, err)
}

// as runs commands on a host as root, or as the login user.
func as(h Host, root bool) run.Runner {
	if root {
		return h.Root()
	}
	return h.User()
}

// told tells what a command writes.
type told struct {
	node   *Node
	stderr bool
}

func (w told) Write(p []byte) (int, error) {
	w.node.tell(Event{Step: Executing, Kind: Output, Text: string(p), Stderr: w.stderr})
	return len(p), nil
}

// maxKept is how much of one stream is kept, in bytes.
const maxKept = 256 << 20
