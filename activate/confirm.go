package activate

import (
	"context"
	"time"

	"flakeops/activate/wire"
)

// startConfirm begins to confirm, once. The connection has to be a fresh one:
// that a link from before the activation still carries bytes does not prove
// that the operator can get in again.
func (f *follower) startConfirm(within time.Duration) {
	if f.confirming || f.aborting {
		return
	}
	f.confirming = true
	doc := f.attachDoc(wire.Attach{Token: f.token})
	f.spawn(func() { f.confirm(within, doc) })
}

// confirm makes attempts until one is accepted or the host's time is over. An
// attempt that hangs, as one does whose packets are dropped, gets another one
// beside it: the link may have healed for that one.
func (f *follower) confirm(within time.Duration, doc []byte) {
	ctx, cancel := context.WithTimeout(f.ctx, within)
	defer cancel()
	ended := make(chan struct{}, maxAttempts)
	running := 0
	// Of several reasons to wake up select takes any, so the end is asked for
	// by itself: nobody needs an attempt after it.
	for ctx.Err() == nil && !f.isAccepted() {
		if running < maxAttempts {
			running++
			f.spawn(func() {
				// Dial within the host's time, but then follow for as long as
				// there is something to follow: after the activation this may
				// be the only link alive.
				f.dialStream(ctx, f.ctx, doc, message{token: true})
				ended <- struct{}{}
			})
		}
		next := time.NewTimer(overlap)
		select {
		case <-next.C:
		case <-ended:
			running--
		case <-f.accepted:
		case <-ctx.Done():
		}
		next.Stop()
	}
}

func (f *follower) isAccepted() bool {
	select {
	case <-f.accepted:
		return true
	default:
		return false
	}
}
