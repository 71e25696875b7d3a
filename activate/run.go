package activate

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"flakeops/activate/wire"
)

// How long a deployer waits for a sign of life.
const (
	stallAfter  = 4 * time.Second        // silence after which the link is suspected
	retryEvery  = 500 * time.Millisecond // between attempts that failed at once
	overlap     = 2 * time.Second        // an attempt this old gets a second one beside it
	maxAttempts = 3                      // attempts under way at once
	maxGarbage  = 3                      // streams that may break the protocol
	maxGrace    = time.Minute            // for a rollback, beyond the host's own limits
)

// Run deploys req.System and follows the deployment to its end, which it
// returns: the Finished event, and with it an *OutcomeError when the outcome is
// not what was asked for. Without an end it returns a *RefusedError, when the
// host has not changed, or an *UnknownOutcomeError. Run makes the token, so
// req.TokenHash is ignored. When ctx ends, the host is asked to go back and is
// waited for, for as long as it may take by its own limits.
//
// observe gets every event once and in order; it must not block. Events without
// a number are this side's own remarks.
func Run(ctx context.Context, h Host, req wire.Request, observe func(wire.Event)) (wire.Event, error) {
	token, hash, err := newToken()
	if err != nil {
		return wire.Event{}, err
	}
	req.Version, req.TokenHash = wire.Version, hash
	if err := req.Validate(); err != nil {
		return wire.Event{}, err
	}
	doc, err := json.Marshal(req)
	if err != nil {
		return wire.Event{}, err
	}
	streams, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &follower{
		host: h, req: req, token: token, observe: observe,
		ctx: streams, in: make(chan message), news: time.Now(),
		accepted: make(chan struct{}),
	}
	// Every goroutine ends with the streams' context, and none outlives Run.
	defer f.wait()
	defer cancel()
	f.live++
	f.spawn(func() { f.stream(h.Link, "start", doc) })
	return f.loop(ctx)
}

func newToken() (token, hash string, err error) {
	b := make([]byte, 32)
	if _, err := rand.Read(b); err != nil {
		return "", "", fmt.Errorf("making the confirm token: %w", err)
	}
	token = hex.EncodeToString(b)
	sum := sha256.Sum256([]byte(token))
	return token, hex.EncodeToString(sum[:]), nil
}

// loop is the one goroutine that knows how far the deployment is.
func (f *follower) loop(ctx context.Context) (wire.Event, error) {
	tick := time.NewTicker(stallAfter / 4)
	defer tick.Stop()
	interrupted := ctx.Done()
	for {
		select {
		case m := <-f.in:
			if end, err := f.handle(m); end != nil || err != nil {
				return f.ended(end, err)
			}
		case <-interrupted:
			interrupted = nil
			f.remark("interrupted: asking the host to go back")
			f.abort()
		case <-tick.C:
			silent := time.Since(f.news)
			// A host that is stranded wants to see that somebody gets in.
			if silent > stallAfter || f.phase == wire.PhaseStranded {
				f.reattach()
			}
			if silent > f.patience() {
				return wire.Event{}, f.unknown(fmt.Errorf("no contact for %s", silent.Round(time.Second)))
			}
		}
	}
}

func (f *follower) ended(end *wire.Event, err error) (wire.Event, error) {
	if err != nil {
		return wire.Event{}, err
	}
	if !end.Outcome.OK() {
		return *end, &OutcomeError{Event: *end, Confirm: f.confirmErr}
	}
	return *end, nil
}

// handle takes one message of a stream. It returns the last event, or the error
// that ends the following.
func (f *follower) handle(m message) (*wire.Event, error) {
	if m.ended {
		return nil, f.streamEnded(m)
	}
	e := m.event
	if e.Kind == wire.Refused {
		return nil, f.refused(m)
	}
	f.news, f.lost, f.garbage = time.Now(), false, 0
	switch e.Kind {
	case wire.Reply:
		if e.Reply == wire.Accepted && m.token && !f.confirmed {
			f.confirmed, f.confirmErr = true, nil
			close(f.accepted)
			f.remark("confirmed")
		}
		return nil, nil
	case wire.Heartbeat:
		return nil, nil
	}
	if e.Seq <= f.seen {
		return nil, nil // another stream was faster
	}
	f.seen = e.Seq
	f.observe(e)
	switch e.Kind {
	case wire.Phase:
		f.phase = e.Phase
		switch {
		case f.aborting && e.Phase != wire.PhaseRollingBack:
			f.abort() // the first one may have come before there was anything to abort
		case e.Phase == wire.PhaseWaiting:
			f.startConfirm(time.Duration(e.Seconds) * time.Second)
		}
	case wire.Finished:
		return &e, nil
	}
	return nil, nil
}

// refused ends a deployment that the host did not start. That the host knows
// nothing of it can also mean that the start is still on its way, which is why
// such an answer counts only once the start's own stream is over, and when it is
// repeated; and a host that knew it once, and does not any more, leaves the
// outcome unknown.
func (f *follower) refused(m message) error {
	switch {
	case m.abort:
		return nil
	case f.seen > 0 && m.event.ID != f.req.ID: // it is not the deployment itself that says so
		return f.unknown(errors.New(m.event.Message))
	case m.event.ID == f.req.ID:
	case !m.start && f.live > 0:
		return nil
	case !m.start:
		if f.garbage++; f.garbage < maxGarbage {
			return nil
		}
	}
	return &RefusedError{Reason: m.event.Message, Holder: m.event.Holder}
}

func (f *follower) unknown(err error) error {
	if f.problem != nil {
		err = fmt.Errorf("%w; last problem: %w", err, f.problem)
	}
	return &UnknownOutcomeError{ID: f.req.ID, Err: err}
}

// patience is how long silence is borne: what the host may still need by its
// own limits, and some grace for the rollback.
func (f *follower) patience() time.Duration {
	activation := time.Duration(f.req.ActivationTimeout) * time.Second
	confirm := time.Duration(f.req.ConfirmTimeout) * time.Second
	switch f.phase {
	case wire.PhaseWaiting:
		return confirm + min(activation, maxGrace) + maxGrace/4
	default:
		return activation + confirm + min(activation, maxGrace) + maxGrace/4
	}
}

func (f *follower) remark(text string) {
	f.observe(wire.Event{Kind: wire.Phase, Phase: text, Time: time.Now()})
}
