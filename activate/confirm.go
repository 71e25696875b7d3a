package activate

import (
	"context"
	"errors"
	"time"

	"flakeops/activate/wire"
	"flakeops/internal/run"
)

// presentToken presents the token, once in a phase that waits for it. The connection has
// to be a fresh one: that a link from before the activation still carries bytes
// does not prove that the operator can get in again.
func (f *follower) presentToken(within time.Duration) {
	f.stopConfirm()
	if most := time.Duration(f.req.ConfirmTimeout) * time.Second; within <= 0 || within > most {
		within = most
	}
	ctx, cancel := context.WithTimeoutCause(f.ctx, within, errors.New("no answer in time"))
	f.stopConfirm = cancel
	doc := f.attachDoc(wire.Attach{Token: f.token})
	f.spawn(func() { f.confirm(ctx, doc); cancel() })
}

// attemptEnded keeps why there was no confirm. An attempt that ended only because
// its time was over says less than the one before it.
func (f *follower) attemptEnded(m message) {
	var never *run.NotStartedError
	if errors.As(m.err, &never) {
		f.unanswered = max(f.unanswered-1, 0)
	}
	if m.err != nil && !f.confirmed && !(m.late && f.confirmErr != nil) {
		f.confirmErr = m.err
	}
}

// confirm makes attempts until ctx ends: one was answered, or the host's time is
// over. An attempt that hangs, as one does whose packets are dropped, gets another
// one beside it: the link may have healed for that one.
func (f *follower) confirm(ctx context.Context, doc []byte) {
	ended := make(chan struct{}, maxAttempts)
	running := 0
	// Of several reasons to wake up select takes any, so the end is asked for
	// by itself: nobody needs an attempt after it.
	for ctx.Err() == nil {
		if running < maxAttempts {
			running++
			f.spawn(func() {
				// Dial within the host's time, but then follow for as long as
				// there is something to follow: after the activation this may
				// be the only link alive.
				f.dialStream(ctx, f.ctx, "attach", doc, message{token: true})
				ended <- struct{}{}
			})
		}
		next := time.NewTimer(overlap)
		select {
		case <-next.C:
		case <-ended:
			running--
		case <-ctx.Done():
		}
		next.Stop()
	}
}
