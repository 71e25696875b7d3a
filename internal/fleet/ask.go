package fleet

import (
	"context"

	"flakeops/internal/limit"
	"flakeops/internal/run"
)

// Ask asks a node's host something, as root, that changes nothing there, and gives the
// answer. A host that does not answer costs the deadline of one question.
func Ask[T any](ctx context.Context, n *Node, question func(context.Context, run.Runner) (T, error)) (T, error) {
	var none T
	if err := n.locate(ctx); err != nil {
		return none, err
	}
	h, err := n.Host(ctx)
	if err != nil {
		return none, err
	}
	n.began(Asking)
	ctx, cancel := limit.Within(ctx, factsDeadline, "asking the host")
	defer cancel()
	answer, err := question(ctx, h.Root())
	return answer, limit.Because(ctx, err)
}
