package keys

import (
	"context"
	"sync"
)

// memo remembers what was read, good or bad, for as long as a run lasts.
type memo struct {
	mu    sync.Mutex
	known map[string]*reading
}

type reading struct {
	turn   turn
	done   bool
	secret Secret
	err    error
}

// get reads id once. What ended with the context was not read.
func (m *memo) get(ctx context.Context, id string, read func() (Secret, error)) (Secret, error) {
	m.mu.Lock()
	if m.known == nil {
		m.known = map[string]*reading{}
	}
	r := m.known[id]
	if r == nil {
		r = &reading{turn: newTurn()}
		m.known[id] = r
	}
	m.mu.Unlock()

	if err := r.turn.take(ctx); err != nil {
		return Secret{}, err
	}
	defer r.turn.give()
	if r.done {
		return r.secret, r.err
	}
	secret, err := read()
	if ctx.Err() != nil {
		return Secret{}, context.Cause(ctx)
	}
	r.done, r.secret, r.err = true, secret, err
	return secret, err
}
