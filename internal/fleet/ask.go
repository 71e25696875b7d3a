package fleet

import (
	"context"
	"time"

	"flakeops/internal/limit"
	"flakeops/internal/run"
)

// Ask asks a node's host something, as root, that changes nothing there, and gives the
// answer. A host that does not answer costs the deadline of one question.
func Ask[T any](ctx context.Context, n *Node, question func(context.Context, run.Runner) (T, error)) (T, error) {
	n.began(Asking)
	return onHost(ctx, n, factsDeadline, "asking the host", question)
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
