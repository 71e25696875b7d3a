package activate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"flakeops/activate/wire"
	"flakeops/internal/run"
)

// follower is one deployment being followed. Its fields belong to the goroutine
// of loop; streams and dials run beside it and speak to it over in.
type follower struct {
	host     Host
	req      wire.Request
	startDoc []byte // req, encoded
	token    string
	observe  func(wire.Event)

	ctx   context.Context // of streams and dials; outlives an interrupt
	in    chan message
	wg    sync.WaitGroup
	meter meter
	kept  atomic.Pointer[Link] // the connection that confirmed

	seen    int64     // newest event number handled
	rank    int       // how far it is: the phase's place in their order
	due     time.Time // when that phase has to be over
	began   time.Time
	news    time.Time // when the host was last heard
	shown   int       // bytes of output handed on
	leftOut int       // lines that were too many

	starts    int           // how often it was handed to the host
	live      int           // streams that start it
	lostStart error         // what broke one of them, which may have reached the host
	refusal   *RefusedError // of a start that was not the first

	giveUp  func()    // ends the connection reattach made; nil without one
	dialed  time.Time // when that began
	lost    bool      // that the link is lost was said
	garbage int       // streams in a row that broke the protocol
	problem error     // newest failure to reach the host

	interrupted error // why the operator wants it undone
	abortHeard  bool
	aborts      int // asked for over fresh connections

	stopConfirm func() // makes no further attempt
	confirmErr  error
	unanswered  int  // tokens under way
	nothingNew  bool // the new system ran before
	confirmed   bool // a token was accepted
}

// message is what a stream or a dial reports.
type message struct {
	event wire.Event
	sent  bool // a connection is open, and the document is about to go out
	ended bool // the stream, or the attempt to have one, is over
	dial  bool // it was reattach's
	start bool // it was one that starts the deployment
	token bool // it was one that confirms
	late  bool // its time was over, so what became of it tells little
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
	_, m.err = f.follow(f.ctx, l, verb, doc, m)
	m.ended = true
	f.tell(m)
}

// errProtocol marks a stream whose other end does not speak the protocol.
type errProtocol struct{ err error }

func (e *errProtocol) Error() string { return "the agent's answer is not understood: " + e.err.Error() }
func (e *errProtocol) Unwrap() error { return e.err }

// follow is one stream. Its template m says what kind of stream it is. accepted
// says that the host took the token over it.
func (f *follower) follow(ctx context.Context, l Link, verb string, doc []byte, m message) (accepted bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, w := io.Pipe()
	ran := make(chan struct{})
	var failed error // set once ran is closed
	go func() {
		_, err := l.Root().Run(ctx, run.Command{
			Argv:   []string{f.req.Agent, "agent", verb},
			Stdin:  bytes.NewReader(doc),
			Stdout: metered{w, &f.meter},
		})
		_ = w.Close()
		failed = err
		close(ran)
	}()
	events := wire.NewDecoder(r)
	for {
		var e wire.Event
		if e, err = events.Next(); err == nil {
			err = sane(f.req, e)
		}
		if err != nil {
			break
		}
		accepted = accepted || m.token && e.Kind == wire.Reply && e.Reply == wire.Accepted
		m.event = e
		f.tell(m)
	}
	_ = r.CloseWithError(err)
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		cancel()
		<-ran // with an error that is only the consequence
		return accepted, &errProtocol{err}
	}
	<-ran
	return accepted, failed
}

// metered counts what is written to w, and closes it when that is too much.
type metered struct {
	w *io.PipeWriter
	m *meter
}

func (w metered) Write(p []byte) (int, error) {
	if err := w.m.take(len(p)); err != nil {
		_ = w.w.CloseWithError(err)
		return 0, err
	}
	return w.w.Write(p)
}

// streamEnded decides what a stream's end means: one that never began is tried
// again or ends the deployment, any other is replaced.
func (f *follower) streamEnded(m message) error {
	if errors.Is(m.err, errFlood) {
		return f.unknown(errFlood)
	}
	switch {
	case m.token:
		f.attemptEnded(m)
		return nil
	case m.abort:
		if m.err != nil && !f.abortHeard && f.aborts < maxAborts {
			f.aborts++
			f.abortAgain()
		}
		return nil
	case m.dial:
		f.giveUp()
		f.giveUp = nil
	case m.start:
		f.live--
	}
	if m.err != nil {
		f.problem = m.err
	}
	if m.start {
		if attach, err := f.startEnded(m); err != nil || !attach {
			return err
		}
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
	doc := f.attachDoc(wire.Attach{Abort: f.interrupted != nil})
	f.spawn(func() { f.dialStream(ctx, ctx, "attach", doc, message{dial: true}) })
}

// dialStream opens a fresh connection and follows over it; both end together,
// unless it is the one that confirmed. It reports the end not before retryEvery
// has passed, which keeps whoever answers it by another attempt from spinning.
func (f *follower) dialStream(dial, follow context.Context, verb string, doc []byte, m message) {
	began := time.Now()
	l, err := f.host.Dial(dial)
	if err != nil {
		m.late = dial.Err() != nil
		err = &errDial{err}
	} else {
		if m.token {
			f.tell(message{token: true, sent: true})
		}
		var accepted bool
		accepted, err = f.follow(follow, l, verb, doc, m)
		if !accepted || !f.kept.CompareAndSwap(nil, &l) {
			_ = l.Close()
		}
	}
	pause(dial, retryEvery-time.Since(began))
	m.ended, m.err = true, err
	f.tell(m)
}

// handOver gives the connection that confirmed to the caller: it is the one of
// which it is known that it came after the activation.
func (f *follower) handOver() {
	l := f.kept.Load()
	switch {
	case l == nil:
	case f.host.Adopt != nil:
		f.host.Adopt(*l)
	default:
		_ = (*l).Close()
	}
}

func (f *follower) attachDoc(a wire.Attach) []byte {
	a.Version, a.ID, a.From = wire.Version, f.req.ID, f.seen+1
	doc, err := json.Marshal(a)
	if err != nil {
		panic("a struct of strings and numbers does not encode: " + err.Error())
	}
	return doc
}
