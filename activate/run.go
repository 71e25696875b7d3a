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

// How long a deployer waits for a sign of life. How long it waits for a host that
// gives one is in limits.go.
const (
	stallAfter  = 4 * time.Second        // silence after which the link is suspected
	retryEvery  = 500 * time.Millisecond // between attempts that failed at once
	overlap     = 2 * time.Second        // an attempt this old gets a second one beside it
	startFor    = 30 * time.Second       // in which a start that does not reach the host is tried again
	maxAttempts = 3                      // attempts under way at once
	maxGarbage  = 3                      // streams that may break the protocol
	maxAborts   = 20                     // requests to go back that may get no answer
	maxStarts   = 3                      // starts that may be lost on the way
	maxGrace    = time.Minute            // for a rollback, beyond the host's own limits
)

// Run deploys req.System and follows the deployment to its end, which it
// returns: the Finished event, and with it an *OutcomeError when the outcome is
// not what was asked for. Without an end it returns a *RefusedError or a
// *NotStartedError, when the host has not changed, or an *UnknownOutcomeError.
// Run makes the token, so req.TokenHash is ignored. When ctx ends, the host is
// asked to go back and is waited for, for as long as it may take by its own
// limits; when h.GiveUp is closed, it is not waited for any more.
//
// A success counts only if this side has confirmed it, where there was something
// to confirm. observe gets every event once and in order; it must not block. Events
// without a number are this side's own remarks.
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
	now := time.Now()
	f := &follower{
		host: h, req: req, startDoc: doc, token: token, observe: observe,
		ctx: streams, in: make(chan message), news: now, began: now,
		due: now.Add(limit(req, rankStarting)), stopConfirm: func() {},
	}
	// Every goroutine ends with the streams' context, and none outlives Run.
	defer f.handOver()
	defer f.wait()
	defer cancel()
	f.start()
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
			interrupted, f.interrupted = nil, context.Cause(ctx)
			f.remark("interrupted: asking the host to go back")
			f.due = time.Now().Add(limit(f.req, rankRollingBack))
			f.abort()
		case <-f.host.GiveUp:
			return wire.Event{}, f.unknown(errors.New("interrupted twice, so it was not waited for"))
		case <-tick.C:
			if err := f.tick(); err != nil {
				return wire.Event{}, err
			}
		}
	}
}

// tick is for what happens because nothing happens.
func (f *follower) tick() error {
	silent := time.Since(f.news)
	if silent > stallAfter {
		f.reattach()
	}
	if silent > f.patience() {
		return f.unknown(fmt.Errorf("no contact for %s", silent.Round(time.Second)))
	}
	if late := time.Since(f.due); late > 0 {
		return f.unknown(fmt.Errorf("it is %s for longer than its limits allow", phaseOf(f.rank)))
	}
	return nil
}

func (f *follower) ended(end *wire.Event, err error) (wire.Event, error) {
	if f.leftOut > 0 {
		f.remark(fmt.Sprintf("%d lines of what the host said are left out", f.leftOut))
	}
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
	switch {
	case m.sent:
		f.unanswered++
		return nil, nil
	case m.ended:
		return nil, f.streamEnded(m)
	case m.event.Kind == wire.Refused:
		return nil, f.refused(m)
	}
	e := m.event
	f.news, f.lost, f.garbage = time.Now(), false, 0
	switch e.Kind {
	case wire.Reply:
		f.replied(m)
		return nil, nil
	case wire.Heartbeat:
		return nil, nil
	}
	if e.Seq <= f.seen {
		return nil, nil // another stream was faster
	}
	f.seen = e.Seq
	f.show(e)
	switch e.Kind {
	case wire.Started:
		f.nothingNew = e.Old == f.req.System
	case wire.Phase:
		f.enter(e)
	case wire.Finished:
		if err := f.believe(e); err != nil {
			return nil, f.unknown(err)
		}
		return &e, nil
	}
	return nil, nil
}

// replied takes the answer to a token or an abort.
func (f *follower) replied(m message) {
	switch {
	case m.abort:
		f.abortHeard = true
	case m.token:
		f.unanswered = max(f.unanswered-1, 0)
		accepted := m.event.Reply == wire.Accepted
		if accepted || f.rank == rankStranded {
			f.stopConfirm()
		}
		if accepted && !f.confirmed {
			f.confirmed, f.confirmErr = true, nil
			f.remark("confirmed")
		}
	}
}

// enter takes a phase. A host that repeats one, or goes back to an earlier one,
// gets no more time by that.
func (f *follower) enter(e wire.Event) {
	rank := rankOf(e.Phase)
	if rank <= f.rank {
		return
	}
	f.rank = rank
	within := time.Duration(e.Seconds) * time.Second
	switch {
	case rank == rankStranded:
		f.presentToken(within) // it reboots unless somebody gets in
	case f.interrupted != nil:
		if rank != rankRollingBack {
			f.abort() // the first one may have come before there was anything to abort
		}
		return
	case rank == rankWaiting:
		f.presentToken(within)
	}
	f.due = time.Now().Add(limit(f.req, rank))
}

func (f *follower) unknown(err error) error {
	if f.problem != nil {
		err = fmt.Errorf("%w; last problem: %w", err, f.problem)
	}
	return &UnknownOutcomeError{ID: f.req.ID, Err: err}
}

// show hands an event on, unless the host has said too much already.
func (f *follower) show(e wire.Event) {
	if e.Kind == wire.Output || e.Kind == wire.Phase && rankOf(e.Phase) <= f.rank {
		if f.shown += len(e.Message) + len(e.Phase) + 1; f.shown > maxOutput {
			f.leftOut++
			return
		}
	}
	f.observe(e)
}

func (f *follower) remark(text string) {
	f.observe(wire.Event{Kind: wire.Phase, Phase: text, Time: time.Now()})
}
