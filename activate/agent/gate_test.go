package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"sync/atomic"
	"testing"

	"flakeops/activate/wire"
)

func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func TestGateAnswers(t *testing.T) {
	g := newGate(hashOf("right"))
	step := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	step("before the activation is over", g.present("right"), wire.NotYet)
	g.open()
	step("wrong token", g.present("wrong"), wire.Wrong)
	step("hash instead of token", g.present(hashOf("right")), wire.Wrong)
	step("right token", g.present("right"), wire.Accepted)
	step("again, by another attempt", g.present("right"), wire.Accepted)
	step("abort after the confirm", g.abort(), wire.TooLate)
	if !g.shut() {
		t.Error("a confirmed gate shuts as confirmed")
	}
}

func TestGateTooLate(t *testing.T) {
	g := newGate(hashOf("right"))
	g.open()
	if g.shut() {
		t.Error("nobody confirmed")
	}
	if got := g.present("right"); got != wire.TooLate {
		t.Errorf("token after the deadline: got %q, want %q", got, wire.TooLate)
	}
	g.open()
	if got := g.present("right"); got != wire.TooLate {
		t.Errorf("a gate once shut stays shut, got %q", got)
	}
}

func TestGateAbortEndsTheWait(t *testing.T) {
	g := newGate(hashOf("right"))
	g.open()
	if got := g.abort(); got != wire.Accepted {
		t.Fatalf("abort in time: got %q", got)
	}
	select {
	case <-g.aborted:
	default:
		t.Error("the state machine is not told of the abort")
	}
	if got := g.present("right"); got != wire.TooLate {
		t.Errorf("token after the abort: got %q", got)
	}
}

// However the race ends, what the token's owner was told is what the state
// machine goes by.
func TestGateDecidesOnce(t *testing.T) {
	for range 500 {
		g := newGate(hashOf("right"))
		g.open()
		var told atomic.Bool
		var confirmed bool
		var wg sync.WaitGroup
		wg.Go(func() { told.Store(g.present("right") == wire.Accepted) })
		wg.Go(func() { confirmed = g.shut() })
		wg.Wait()
		if told.Load() != confirmed {
			t.Fatalf("token's owner told %v, state machine %v", told.Load(), confirmed)
		}
	}
}
