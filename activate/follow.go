package activate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"time"

	"flakeops/activate/wire"
	"flakeops/internal/run"
)

// follower is one deployment being followed. Its fields belong to the goroutine
// of loop; streams and dials run beside it and speak to it over in.
type follower struct {
	host    Host
	req     wire.Request
	token   string
	observe func(wire.Event)

	ctx context.Context // of streams and dials; outlives an interrupt
	in  chan message
	wg  sync.WaitGroup

	seen       int64 // newest event number handled
	phase      string
	news       time.Time // when the host was last heard
	live       int       // streams open
	giveUp     func()    // ends the connection reattach made; nil without one
	dialed     time.Time // when that began
	lost       bool      // that the link is lost was said
	garbage    int       // streams in a row that broke the protocol
	problem    error     // newest failure to reach the host
	aborting   bool
	confirming bool

	confirmErr error
	confirmed  bool
	accepted   chan struct{} // closed when confirmed becomes true
}

// message is what a stream or a dial reports.
type message struct {
	event wire.Event
	ended bool // the stream, or the attempt to have one, is over
	dial  bool // it was reattach's
	start bool // it was the one that starts the deployment
	token bool // it was one that confirms
	abort bool
	err   error
}

func (f *follower) spawn(do func()) {
	f.wg.Add(1)
	go func() { defer f.wg.Done(); do() }()
}

func (f *follower) wait() { f.wg.Wait() }

// tell hands a message to loop, unless that has ended.
func (f *follower) tell(m message) {
	select {
	case f.in <- m:
	case <-f.ctx.Done():
	}
}

// stream runs one verb of the agent and tells of its events until it ends.
func (f *follower) stream(l Link, verb string, doc []byte) {
	m := message{start: verb == "start"}
	m.err = f.follow(f.ctx, l, verb, doc, m)
	m.ended = true
	f.tell(m)
}

// errProtocol marks a stream whose other end does not speak the protocol.
type errProtocol struct{ err error }

func (e *errProtocol) Error() string { return "the agent's answer is not understood: " + e.err.Error() }
func (e *errProtocol) Unwrap() error { return e.err }

// follow is one stream. Its template m says what kind of stream it is.
func (f *follower) follow(ctx context.Context, l Link, verb string, doc []byte, m message) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, w := io.Pipe()
	ran := make(chan struct{})
	var failed error // set once ran is closed
	go func() {
		_, err := l.Root().Run(ctx, run.Command{
			Argv:   []string{f.req.Agent, "agent", verb},
			Stdin:  bytes.NewReader(doc),
			Stdout: w,
		})
		_ = w.Close()
		failed = err
		close(ran)
	}()
	events := wire.NewDecoder(r)
	var err error
	for {
		var e wire.Event
		if e, err = events.Next(); err != nil {
			break
		}
		m.event = e
		f.tell(m)
	}
	_ = r.CloseWithError(err)
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		cancel()
		<-ran // with an error that is only the consequence
		return &errProtocol{err}
	}
	<-ran
	return failed
}

// streamEnded decides what a stream's end means: one that never began ends the
// deployment, any other is replaced.
func (f *follower) streamEnded(m message) error {
	if m.dial {
		f.giveUp()
		f.giveUp = nil
	}
	if m.token {
		if m.err != nil && !f.confirmed {
			f.confirmErr = m.err
		}
		return nil
	}
	if m.start {
		f.live--
	}
	if m.err != nil {
		f.problem = m.err
	}
	var exit *run.Error
	if m.start && f.seen == 0 && errors.As(m.err, &exit) && exit.Err == nil {
		// The agent itself, or what should have made it root, exited.
		return &RefusedError{Reason: "the agent did not start: " + exit.Error()}
	}
	var garbage *errProtocol
	if errors.As(m.err, &garbage) {
		if f.garbage++; f.garbage >= maxGarbage {
			return f.unknown(errors.New("the host answers, but not as an agent does"))
		}
	}
	if f.live == 0 {
		f.reattach()
	}
	return nil
}

// reattach asks for the events from the next number on over a new connection.
// The stream that started the deployment is left alone even if it seems dead:
// what it still brings counts. An attempt of reattach's own that is as silent is
// given up, and the next tick makes another.
func (f *follower) reattach() {
	if f.giveUp != nil {
		if time.Since(f.dialed) > 2*stallAfter {
			f.giveUp()
		}
		return
	}
	if !f.lost && time.Since(f.news) > stallAfter {
		f.lost = true
		f.remark("no contact: connecting again")
	}
	ctx, cancel := context.WithCancel(f.ctx)
	f.giveUp, f.dialed = cancel, time.Now()
	doc := f.attachDoc(wire.Attach{Abort: f.aborting})
	f.spawn(func() { f.dialStream(ctx, ctx, doc, message{dial: true}) })
}

// dialStream opens a fresh connection and follows over it; both end together.
// It reports the end not before retryEvery has passed, which keeps whoever
// answers it by another attempt from spinning.
func (f *follower) dialStream(dial, follow context.Context, doc []byte, m message) {
	began := time.Now()
	l, err := f.host.Dial(dial)
	if err == nil {
		err = f.follow(follow, l, "attach", doc, m)
		_ = l.Close()
	}
	pause(dial, retryEvery-time.Since(began))
	m.ended, m.err = true, err
	f.tell(m)
}

// abort asks the host to go back: over the link at hand, and over every new
// one, for the one at hand may be what is broken.
func (f *follower) abort() {
	f.aborting = true
	doc := f.attachDoc(wire.Attach{Abort: true})
	f.spawn(func() {
		m := message{abort: true}
		m.err = f.follow(f.ctx, f.host.Link, "attach", doc, m)
		m.ended = true
		f.tell(m)
	})
}

func (f *follower) attachDoc(a wire.Attach) []byte {
	a.Version, a.ID, a.From = wire.Version, f.req.ID, f.seen+1
	doc, err := json.Marshal(a)
	if err != nil {
		panic("a struct of strings and numbers does not encode: " + err.Error())
	}
	return doc
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
