package ask

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Patience is a deadline that stands still while the operator is asked
// something: ConnectTimeout measures hosts, not people.
type Patience struct {
	mu     sync.Mutex
	timer  *time.Timer
	left   time.Duration
	since  time.Time
	paused int
}

// TimeoutError is a host that did not answer in time.
type TimeoutError struct{ limit time.Duration }

// Error says how long was waited.
func (e *TimeoutError) Error() string { return fmt.Sprintf("no answer within %v", e.limit) }

// WithPatience bounds ctx by limit; its cause is then a *TimeoutError.
func WithPatience(ctx context.Context, limit time.Duration) (context.Context, *Patience, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	p := &Patience{left: limit, since: time.Now()}
	p.timer = time.AfterFunc(limit, func() { cancel(&TimeoutError{limit}) })
	return ctx, p, func() {
		p.timer.Stop()
		cancel(context.Canceled)
	}
}

// Pause stops the clock until resume is called.
func (p *Patience) Pause() (resume func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.paused++; p.paused == 1 && p.timer.Stop() {
		p.left -= time.Since(p.since)
	}
	return sync.OnceFunc(p.resume)
}

func (p *Patience) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.paused--; p.paused == 0 {
		p.since = time.Now()
		p.timer.Reset(max(p.left, time.Millisecond))
	}
}
