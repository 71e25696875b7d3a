package agent

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"sync"

	"flakeops/activate/wire"
)

var errAborted = errors.New("aborted by the operator")

// gate decides, once, whether a deployment is confirmed. Tokens come from the
// socket's goroutines and the deadline from the state machine's; whoever holds
// the mutex first wins, and everyone later is told what was decided.
type gate struct {
	hash      string        // SHA-256 of the token, hexadecimal
	confirmed chan struct{} // closed when the right token came in time
	aborted   chan struct{} // closed when the operator gave up in time
	arrived   chan struct{} // closed when somebody got in to a host that was stranded

	mu    sync.Mutex
	state gateState
}

type gateState int

const (
	gateNotYet gateState = iota // the new system is being activated
	gateOpen                    // the token is awaited
	gateConfirmed
	gateShut     // too late
	gateStranded // going back has failed, and whoever gets in is awaited
)

func newGate(hash string) *gate {
	return &gate{hash: hash, confirmed: make(chan struct{}), aborted: make(chan struct{}), arrived: make(chan struct{})}
}

// open starts to accept the token.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state == gateNotYet {
		g.state = gateOpen
	}
}

// shut ends the wait and says whether it ended confirmed.
func (g *gate) shut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state != gateConfirmed {
		g.state = gateShut
	}
	return g.state == gateConfirmed
}

// isAborted says whether an abort came in time.
func (g *gate) isAborted() bool {
	select {
	case <-g.aborted:
		return true
	default:
		return false
	}
}

// hasArrived says whether somebody got in to a host that was stranded.
func (g *gate) hasArrived() bool {
	select {
	case <-g.arrived:
		return true
	default:
		return false
	}
}

// present offers a token; the answer is a wire reply.
func (g *gate) present(token string) string {
	sum := sha256.Sum256([]byte(token))
	right := subtle.ConstantTimeCompare([]byte(hex.EncodeToString(sum[:])), []byte(g.hash)) == 1
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case !right:
		return wire.Wrong
	case g.state == gateStranded:
		g.arriveLocked()
		return wire.TooLate
	case g.state == gateNotYet:
		return wire.NotYet
	case g.state == gateOpen:
		g.state = gateConfirmed
		close(g.confirmed)
		return wire.Accepted
	case g.state == gateConfirmed:
		return wire.Accepted
	default:
		return wire.TooLate
	}
}

// abort asks for a rollback; it is too late once confirmed.
func (g *gate) abort() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state == gateConfirmed || g.state == gateShut || g.state == gateStranded {
		return wire.TooLate
	}
	g.state = gateShut
	close(g.aborted)
	return wire.Accepted
}

// strand begins to wait for anybody who gets in.
func (g *gate) strand() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state = gateStranded
}

// arrive says that somebody has got in.
func (g *gate) arrive() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.arriveLocked()
}

func (g *gate) arriveLocked() {
	if g.state == gateStranded {
		g.state = gateShut
		close(g.arrived)
	}
}
