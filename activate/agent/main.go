package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"flakeops/activate/agent/lock"
	"flakeops/activate/wire"
	"flakeops/internal/run"
	"flakeops/keys/install"
)

// Exit statuses of the agent's verbs. The deployer goes by the events and not
// by these; they are for the journal and for people.
const (
	exitOK         = 0
	exitFailed     = 1
	exitUsage      = 2
	exitUnfinished = 75 // the deployment has no end yet: systemd starts its unit again
)

// agent is one process of the agent.
type agent struct {
	layout layout
	runner run.Runner
	out    io.Writer // events of a stream
}

// Main runs one verb of the agent, start, attach, run ID, recover ID, guard ID or
// keys, and returns its exit status.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 1 && args[0] == "keys" {
		return install.Main(ctx, busyHost, stdin, stdout, stderr)
	}
	a := &agent{runner: run.Local{}, out: stdout}
	err := a.dispatch(ctx, args, stdin)
	var usage usageError
	var unfinished *unfinishedError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintln(stderr, err)
		return exitUsage
	case errors.As(err, &unfinished):
		fmt.Fprintln(stderr, "flakeops agent:", err)
		return exitUnfinished
	default:
		fmt.Fprintln(stderr, "flakeops agent:", err)
		return exitFailed
	}
}

type usageError string

func (e usageError) Error() string { return string(e) }

// unfinishedError is why a deployment still has no end.
type unfinishedError struct{ err error }

func (e *unfinishedError) Error() string { return e.err.Error() }
func (e *unfinishedError) Unwrap() error { return e.err }

func (a *agent) dispatch(ctx context.Context, args []string, stdin io.Reader) error {
	verb, id := "", ""
	if len(args) > 0 {
		verb = args[0]
	}
	switch verb {
	case "start", "attach":
		if len(args) != 1 {
			return usageError("usage: flakeops agent " + verb)
		}
	case "run", "recover", "guard":
		if len(args) != 2 || !wire.ValidID(args[1]) {
			return usageError("usage: flakeops agent " + verb + " ID")
		}
		id = args[1]
	default:
		return usageError("usage: flakeops agent start|attach|run ID|recover ID|guard ID|keys")
	}
	if os.Geteuid() != 0 {
		return a.refuse(errors.New("the agent needs to be root: check privilegeEscalationCommand"))
	}
	switch verb {
	case "start":
		return a.start(ctx, stdin)
	case "attach":
		return a.attach(ctx, stdin)
	case "run":
		return a.run(ctx, id)
	case "guard":
		return a.guard(ctx, id)
	default:
		_, err := a.recover(ctx, id)
		return err
	}
}

// refuse tells the deployer that nothing was started, and why.
func (a *agent) refuse(cause error) error {
	e := wire.Event{Kind: wire.Refused, Message: cause.Error()}
	var locked *lock.TakenError
	if errors.As(cause, &locked) {
		e.Holder = locked.Holder
	}
	return errors.Join(cause, a.send(e))
}

func (a *agent) send(e wire.Event) error {
	b, err := wire.Encode(e)
	if err != nil {
		return err
	}
	_, err = a.out.Write(b)
	return err
}

// busyHost says who is changing this host, a deployment or somebody by hand; it is
// nil when nobody is.
func busyHost() error {
	if err := lock.Check(layout{}.lock()); err != nil {
		return fmt.Errorf("%w: wait for it to end, then try again", err)
	}
	return lock.FreeSwitch(layout{}.switchLock())
}
