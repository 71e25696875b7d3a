package remote

import (
	"errors"
	"testing"

	"flakeops/internal/remote/sessions"
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

func TestACommandOnALostConnectionDidNotStart(t *testing.T) {
	r, c := overRelay(t)
	r.cut()
	<-c.Done()
	_, err := c.Run(testContext(t), run.Command{Argv: []string{"true"}})
	var lost *sessions.LostError
	var never *run.NotStartedError
	if !errors.As(err, &lost) || !errors.As(err, &never) {
		t.Errorf("error %v", err)
	}
}

// What ends a session without an exit status is a lost connection.
func TestASessionWhoseSSHDIsKilledIsLost(t *testing.T) {
	_, c := easy(t)
	// The session's own sshd was killed, the connection lives.
	_, err := c.Run(testContext(t), run.Command{Argv: []string{"sh", "-c", `kill -KILL $PPID; sleep 5`}})
	var lost *sessions.LostError
	if !errors.As(err, &lost) {
		t.Errorf("error %v", err)
	}
}
