package cli

import (
	"context"
	"sync"

	"flakeops/internal/fleet"
	"flakeops/internal/run"
)

// answers are what a verb got to know of the nodes' hosts.
type answers[T any] struct {
	mu sync.Mutex
	of map[string]T // by node
}

// ask asks a node's host, and keeps the answer.
func (a *answers[T]) ask(ctx context.Context, n *fleet.Node, question func(context.Context, run.Runner) (T, error)) (T, error) {
	answer, err := fleet.Ask(ctx, n, question)
	if err == nil {
		a.put(n, answer)
	}
	return answer, err
}

// askAll asks the hosts of all nodes the same.
func (a *answers[T]) askAll(ctx context.Context, r *fleet.Run, question func(context.Context, run.Runner) (T, error)) {
	r.Each(ctx, r.Parallel, func(ctx context.Context, n *fleet.Node) (fleet.Result, error) {
		_, err := a.ask(ctx, n, question)
		return fleet.Result{Outcome: fleet.Asked}, err
	})
}

func (a *answers[T]) put(n *fleet.Node, answer T) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of == nil {
		a.of = map[string]T{}
	}
	a.of[n.Name] = answer
}

// all are the answers by node, once no host is asked any more.
func (a *answers[T]) all() map[string]T { return a.of }
