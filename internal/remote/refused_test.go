package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"flakeops/internal/run"
)

// sshd counts a session until its process is gone, which is a moment after its
// command has ended.
func TestSessionsThatFollowEachOtherNeedOneOnly(t *testing.T) {
	k := newKey(t, "ed25519", "")
	h := startSSHD(t, []key{k}, "MaxSessions 1")
	s := newSetup(t, h.known(), h.host("h", "IdentityFile "+k.file))
	c := s.dial(t, "h")
	for n := range 60 {
		_, err := c.Run(testContext(t), run.Command{Argv: []string{"sh", "-c", "exec cat"}})
		if err != nil {
			t.Fatalf("session %d: %v", n, err)
		}
	}
}

// What sshd refuses for good is said as something that never began.
func TestASessionThatIsRefusedDidNotStart(t *testing.T) {
	k := newKey(t, "ed25519", "")
	h := startSSHD(t, []key{k}, "MaxSessions 1")
	s := newSetup(t, h.known(), h.host("h", "IdentityFile "+k.file))
	c := s.dial(t, "h")
	c.patience = 50 * time.Millisecond
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	ready := make(chan struct{})
	var once sync.Once
	go func() {
		_, _ = c.Run(ctx, run.Command{
			Argv: []string{"sh", "-c", "echo ready; exec cat"}, Stdin: neverEnds{ctx.Done()},
			Stdout: writerFunc(func(p []byte) (int, error) { once.Do(func() { close(ready) }); return len(p), nil }),
		})
	}()
	<-ready
	_, err := c.Run(testContext(t), run.Command{Argv: []string{"true"}})
	var never *run.NotStartedError
	if !errors.As(err, &never) {
		t.Errorf("error %v", err)
	}
	contains(t, err.Error(), "opens no session")
}

func TestACommandOnALostConnectionDidNotStart(t *testing.T) {
	r, c := overRelay(t)
	r.cut()
	<-c.Done()
	_, err := c.Run(testContext(t), run.Command{Argv: []string{"true"}})
	var lost *LostError
	var never *run.NotStartedError
	if !errors.As(err, &lost) || !errors.As(err, &never) {
		t.Errorf("error %v", err)
	}
}

// The link may show its loss in many ways, and the reader of the connection be
// behind: whatever ends a session without an exit status is a lost connection.
func TestWhateverEndsASessionWithoutAStatusIsALoss(t *testing.T) {
	_, c := easy(t)
	for _, err := range []error{io.EOF, io.ErrUnexpectedEOF, errors.New("ssh: disconnect, reason 2"), fmt.Errorf("wait: %w", io.EOF)} {
		var lost *LostError
		if got := c.lost(err); !errors.As(got, &lost) || lost.Host != c.Host() {
			t.Errorf("%v became %v", err, got)
		}
	}
	// The session's own sshd was killed, the connection lives.
	_, err := c.Run(testContext(t), run.Command{Argv: []string{"sh", "-c", `kill -KILL $PPID; sleep 5`}})
	var lost *LostError
	if !errors.As(err, &lost) {
		t.Errorf("error %v", err)
	}
}
