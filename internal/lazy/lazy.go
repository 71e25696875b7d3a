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
	once sync.Once
	turn chan struct{} // held by whoever computes

	mu    sync.Mutex
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
	if value, err, known := v.get(); known {
		return value, err
	}
	value, err := compute(ctx)
	if err != nil && ctx.Err() != nil {
		return none, context.Cause(ctx)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.known, v.value, v.err = true, value, err
	return value, err
}

func (v *Value[T]) get() (value T, err error, known bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.value, v.err, v.known
}

// Known gives the value if it is known, and good.
func (v *Value[T]) Known() (value T, known bool) {
	value, err, known := v.get()
	return value, known && err == nil
}

// Set puts value into the place of what is known, which it returns.
func (v *Value[T]) Set(value T) (before T) {
	v.mu.Lock()
	defer v.mu.Unlock()
	before = v.value
	v.known, v.value, v.err = true, value, nil
	return before
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
