package install

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"flakeops/internal/run"
	"flakeops/keys/message"
)

// How long things may take.
const (
	silence  = time.Minute      // of a deployer that is sending
	lockWait = 2 * time.Minute  // for another message to be done
	settling = 10 * time.Second // of an activation, for what it left to let go of the host
)

// Main is the agent's verb keys: it reads one message from stdin, does what it
// says and answers with one line on stdout. It returns the exit status: 0 when
// the reply holds no error. While busy gives an error, which says who is changing
// the host, its keys may be needed as they are, and nothing but a Check is done.
func Main(ctx context.Context, busy func() error, stdin io.Reader, stdout, stderr io.Writer) int {
	i := &installer{runner: run.Local{}, group: "keys", wait: lockWait, settle: settling, busy: busy}
	reply := i.serve(ctx, stdin)
	line, err := reply.Encode()
	if err == nil {
		_, err = stdout.Write(line)
	}
	if err != nil {
		fmt.Fprintln(stderr, "flakeops agent: answering:", err)
		return 1
	}
	if reply.Error != "" {
		return 1
	}
	return 0
}

// installer is one call of the agent.
type installer struct {
	root   string // in front of flakeops's own directories; empty on a host
	runner run.Runner
	group  string // that may enter the directories made here, if there is one
	wait   time.Duration
	busy   func() error
	settle time.Duration
	// at is called before each step, for tests: an error of it is one of the step.
	at func(step step) error
}

func (i *installer) serve(ctx context.Context, stdin io.Reader) message.Reply {
	m, err := message.Decode(patient(ctx, stdin, silence))
	if err == nil && os.Geteuid() != 0 {
		err = errors.New("the agent needs to be root: check privilegeEscalationCommand")
	}
	if err != nil {
		return message.Reply{Error: err.Error()}
	}
	var reply message.Reply
	if m.Mode == message.Check {
		reply.States, err = i.check(ctx, m)
	} else {
		err = i.install(ctx, m, &reply)
	}
	if err != nil {
		reply.Error = err.Error()
	}
	return reply
}

// install does what a Pre or Full message says, under the host's lock.
func (i *installer) install(ctx context.Context, m message.Message, reply *message.Reply) error {
	l, err := i.lock(ctx)
	if err != nil {
		return err
	}
	defer l.release()
	// From here on a broken connection changes nothing: what was received whole
	// is installed whole.
	ctx = context.WithoutCancel(ctx)
	if err := i.awaitFree(m.Mode); err != nil {
		reply.Busy = true
		return err
	}
	if err := i.resume(); err != nil {
		return fmt.Errorf("finishing what an earlier call left: %w", err)
	}
	p, err := i.plan(ctx, m)
	if err != nil {
		return err
	}
	defer p.close()
	err = i.carryOut(p)
	var after *errAfter
	if err != nil && !errors.As(err, &after) {
		return err
	}
	p.tell(reply)
	if m.Mode == message.Full {
		err = errors.Join(err, i.follow(ctx, m, reply))
	}
	return err
}

// awaitFree looks whether somebody is changing the host. What follows an
// activation gives it a while to end.
func (i *installer) awaitFree(mode message.Mode) error {
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if err := i.busy(); err == nil || mode == message.Pre || time.Since(began) > i.settle {
			return err
		}
	}
}

// patient reads r, but gives up when nothing comes for a while or ctx ends.
func patient(ctx context.Context, r io.Reader, most time.Duration) io.Reader {
	pr, pw := io.Pipe()
	timer := time.AfterFunc(most, func() {
		_ = pw.CloseWithError(fmt.Errorf("the deployer sent nothing for %v", most))
	})
	stop := context.AfterFunc(ctx, func() { _ = pw.CloseWithError(context.Cause(ctx)) })
	go func() {
		defer stop()
		defer timer.Stop()
		b := make([]byte, 64<<10)
		for {
			n, err := r.Read(b)
			timer.Reset(most)
			if n > 0 {
				if _, err := pw.Write(b[:n]); err != nil {
					return
				}
			}
			if err != nil {
				_ = pw.CloseWithError(err)
				return
			}
		}
	}()
	return pr
}
