// Package lazy computes values when they are first asked for.
package lazy

import (
	"context"
	"sync"
)

// Value is computed by the first who asks for it, and then remembered, good or
// bad. An attempt that ended with its asker's context is not: whoever asks next
// makes another. The zero value was not asked for.
type Value[T any] struct {
	once  sync.Once
	turn  chan struct{} // held by whoever computes
	known bool
	value T
	err   error
}

// Get gives the value, computed with the asker's context unless it is known. While
// somebody else computes it, Get waits for no longer than ctx.
func (v *Value[T]) Get(ctx context.Context, compute func(context.Context) (T, error)) (T, error) {
	v.once.Do(func() { v.turn = make(chan struct{}, 1) })
	var none T
	if ctx.Err() != nil {
		return none, context.Cause(ctx)
	}
	select {
	case v.turn <- struct{}{}:
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
	defer func() { <-v.turn }()
	if v.known {
		return v.value, v.err
	}
	value, err := compute(ctx)
	if err != nil && ctx.Err() != nil {
		return none, context.Cause(ctx)
	}
	v.known, v.value, v.err = true, value, err
	return value, err
}

// Map is a Value for each key. The zero value is empty.
type Map[K comparable, T any] struct {
	mu  sync.Mutex
	all map[K]*Value[T]
}

// Of gives the value of a key, which need not have been asked for.
func (m *Map[K, T]) Of(key K) *Value[T] {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all == nil {
		m.all = map[K]*Value[T]{}
	}
	if m.all[key] == nil {
		m.all[key] = &Value[T]{}
	}
	return m.all[key]
}
