package remote

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// patience is a deadline that stands still while the operator is asked
// something: ConnectTimeout measures hosts, not people.
type patience struct {
	mu     sync.Mutex
	timer  *time.Timer
	left   time.Duration
	since  time.Time
	paused int
}

// timeoutError is a host that did not answer in time.
type timeoutError struct{ limit time.Duration }

func (e *timeoutError) Error() string { return fmt.Sprintf("no answer within %v", e.limit) }

// withPatience bounds ctx by limit; its cause is then a *timeoutError.
func withPatience(ctx context.Context, limit time.Duration) (context.Context, *patience, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	p := &patience{left: limit, since: time.Now()}
	p.timer = time.AfterFunc(limit, func() { cancel(&timeoutError{limit}) })
	return ctx, p, func() {
		p.timer.Stop()
		cancel(context.Canceled)
	}
}

// pause stops the clock until resume is called.
func (p *patience) pause() (resume func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.paused++; p.paused == 1 && p.timer.Stop() {
		p.left -= time.Since(p.since)
	}
	return sync.OnceFunc(p.resume)
}

func (p *patience) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.paused--; p.paused == 0 {
		p.since = time.Now()
		p.timer.Reset(max(p.left, time.Millisecond))
	}
}
