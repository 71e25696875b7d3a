package fleet

import (
	"context"
	"errors"
	"net"
	"time"

	"flakeops/activate/inspect"
	"flakeops/flake"
	"flakeops/internal/fault"
	"flakeops/internal/limit"
	"flakeops/internal/remote"
	"flakeops/internal/run"
)

// Ask asks a node's host something, as root, that changes nothing there, and gives the
// answer. A host that does not answer costs the deadline of one question.
func Ask[T any](ctx context.Context, n *Node, question func(context.Context, run.Runner) (T, error)) (T, error) {
	return onHost(ctx, n, Asking, factsDeadline, "asking the host", question)
}

// Verify is Ask where the host reads its whole store to answer.
func Verify[T any](ctx context.Context, n *Node, question func(context.Context, run.Runner) (T, error)) (T, error) {
	return onHost(ctx, n, Asking, verifyDeadline, "verifying the host's store", question)
}

// ReachOf says how far it came to a host that ended with an error. Where nobody tried to
// reach one it is not known.
func ReachOf(err error) (reach inspect.Reach, known bool) {
	var away *remote.UnreachableError
	var name *net.DNSError
	class := fault.Of(err)
	switch {
	case class != fault.Unreachable && class != fault.Refused, errors.As(err, new(*flake.AddressError)):
		return 0, false
	case errors.As(err, &name) && name.IsNotFound:
		return inspect.Missing, true
	case errors.As(err, &away) && !away.Up:
		return inspect.Down, true
	}
	return inspect.Unreachable, true
}

// Collect has a node's host collect garbage, which may take it an hour.
func Collect[T any](ctx context.Context, n *Node, collect func(context.Context, run.Runner) (T, error)) (T, error) {
	return onHost(ctx, n, Collecting, collectDeadline, "collecting garbage", collect)
}

func onHost[T any](ctx context.Context, n *Node, step Step, within time.Duration, what string, do func(context.Context, run.Runner) (T, error)) (T, error) {
	var none T
	if err := n.locate(ctx); err != nil {
		return none, err
	}
	h, err := n.Host(ctx)
	if err != nil {
		return none, err
	}
	n.began(step)
	ctx, cancel := limit.Within(ctx, within, what)
	defer cancel()
	answer, err := do(ctx, h.Root())
	return answer, limit.Because(ctx, err)
}
