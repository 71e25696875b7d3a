package fleet

import (
	"context"
	"errors"
	"net"
	"time"

	"flakeops/activate/inspect"
	"flakeops/internal/limit"
	"flakeops/internal/remote"
	"flakeops/internal/run"
)

// Ask asks a node's host something, as root, that changes nothing there, and gives the
// answer. A host that does not answer costs the deadline of one question.
func Ask[T any](ctx context.Context, n *Node, question func(context.Context, run.Runner) (T, error)) (T, error) {
	n.began(Asking)
	return onHost(ctx, n, factsDeadline, "asking the host", question)
}

// Verify is Ask where the host reads its whole store to answer.
func Verify[T any](ctx context.Context, n *Node, question func(context.Context, run.Runner) (T, error)) (T, error) {
	n.began(Asking)
	return onHost(ctx, n, verifyDeadline, "verifying the host's store", question)
}

// ReachOf says how far it came to a node's host that ended with an error, nil for none.
func ReachOf(err error) inspect.Reach {
	var away *remote.UnreachableError
	var name *net.DNSError
	switch {
	case err == nil:
		return inspect.Reached
	case errors.As(err, &name) && name.IsNotFound:
		return inspect.Missing
	case errors.As(err, &away) && !away.Up:
		return inspect.Down
	}
	return inspect.Unreachable
}

// Collect has a node's host collect garbage, which may take it an hour.
func Collect[T any](ctx context.Context, n *Node, collect func(context.Context, run.Runner) (T, error)) (T, error) {
	n.began(Collecting)
	return onHost(ctx, n, collectDeadline, "collecting garbage", collect)
}

func onHost[T any](ctx context.Context, n *Node, within time.Duration, what string, do func(context.Context, run.Runner) (T, error)) (T, error) {
	var none T
	if err := n.locate(ctx); err != nil {
		return none, err
	}
	h, err := n.Host(ctx)
	if err != nil {
		return none, err
	}
	ctx, cancel := limit.Within(ctx, within, what)
	defer cancel()
	answer, err := do(ctx, h.Root())
	return answer, limit.Because(ctx, err)
}
