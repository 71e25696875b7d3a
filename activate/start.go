package activate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"flakeops/activate/wire"
	"flakeops/internal/run"
)

// start hands the deployment to the agent: at first over the link at hand.
func (f *follower) start() {
	f.starts++
	f.live++
	f.spawn(func() { f.stream(f.host.Link, "start", f.startDoc) })
}

// startAgain hands it over once more, by a fresh connection. That is safe even if
// the host has heard of it: it starts no deployment twice.
func (f *follower) startAgain() {
	f.starts++
	f.live++
	f.garbage, f.news = 0, time.Now()
	f.spawn(func() { f.dialStream(f.ctx, f.ctx, "start", f.startDoc, message{start: true}) })
}

// startEnded decides what the end of a starting stream means as long as there is
// no event: the agent ended, it was never reached, or nobody knows. It says
// whether the deployment is to be attached to.
func (f *follower) startEnded(m message) (attach bool, err error) {
	var exit *run.Error
	var never *run.NotStartedError
	var undialled *errDial
	switch {
	case f.seen > 0 || m.err == nil || f.refusal != nil:
		return true, nil
	case errors.As(m.err, &never), errors.As(m.err, &undialled):
		return false, f.notStarted(m.err)
	case errors.As(m.err, &exit) && exit.Err == nil:
		// The agent itself, or what should have made it root, exited.
		return false, &RefusedError{Reason: "the agent did not start: " + exit.Error()}
	}
	f.lostStart = m.err
	return true, nil
}

// notStarted is for a start that did not reach the host. An earlier one may have.
func (f *follower) notStarted(cause error) error {
	switch {
	case f.interrupted == nil && time.Since(f.began) < startFor:
		f.remark("the start did not reach the host: trying again")
		f.startAgain()
		return nil
	case f.lostStart != nil:
		f.reattach()
		return nil
	case f.interrupted != nil:
		return &NotStartedError{Err: f.interrupted}
	}
	return &NotStartedError{Err: cause}
}

// refused is the host's answer that it does nothing. That it knows nothing of the
// deployment can also mean that the start is still on its way, which is why such
// an answer counts only once the start's own stream is over, and when it is
// repeated; then the start was lost, and is tried again. A host that knew the
// deployment once, and does not any more, leaves the outcome unknown; so does one that
// refuses what it has activated.
func (f *follower) refused(m message) error {
	said := &RefusedError{Reason: m.event.Message, Holder: m.event.Holder}
	switch {
	case m.abort:
		return nil
	case f.seen > 0 && (m.event.ID != f.req.ID || f.rank > rankActivating):
		return f.unknown(errors.New(m.event.Message))
	case m.event.ID == f.req.ID: // the deployment itself says so
		return said
	case m.start && f.starts == 1:
		return said
	case m.start:
		f.refusal = said // an earlier start may have arrived: attaching tells
		return nil
	case f.live > 0:
		return nil
	case f.refusal != nil:
		return f.refusal
	}
	if f.garbage++; f.garbage < maxGarbage {
		return nil
	}
	if f.interrupted == nil && f.starts < maxStarts {
		f.remark("the start was lost on its way: starting again")
		f.startAgain()
		return nil
	}
	switch {
	case f.interrupted != nil:
		return &NotStartedError{Err: f.interrupted}
	case f.lostStart != nil:
		return &NotStartedError{Err: fmt.Errorf("it was lost %d times: %w", f.starts, f.lostStart)}
	}
	return said
}

// errDial is an attempt that had no connection.
type errDial struct{ err error }

func (e *errDial) Error() string { return e.err.Error() }
func (e *errDial) Unwrap() error { return e.err }

// abort asks the host to go back: over the link at hand, and over every new
// one, for the one at hand may be what is broken.
func (f *follower) abort() {
	f.stopConfirm()
	doc := f.attachDoc(wire.Attach{Abort: true})
	f.spawn(func() {
		m := message{abort: true}
		_, m.err = f.follow(f.ctx, f.host.Link, "attach", doc, m)
		m.ended = true
		f.tell(m)
	})
}

// abortAgain asks over a fresh connection, for nobody has answered.
func (f *follower) abortAgain() {
	doc := f.attachDoc(wire.Attach{Abort: true})
	f.spawn(func() { f.dialStream(f.ctx, f.ctx, "attach", doc, message{abort: true}) })
}

func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
