package remote

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// maxHeld bounds what is kept of stderr before the command starts.
const maxHeld = 64 << 10

// gate is the stderr of an elevated command. It holds back everything until
// the start marker, which includes sudo's lecture and its complaints about
// wrong passwords, and reports each prompt marker.
type gate struct {
	start, ask string
	opened     chan struct{} // closed at the start marker
	asked      chan struct{} // one value for each prompt
	ended      chan struct{} // closed by the owner when the session is over

	mu   sync.Mutex
	out  io.Writer
	held []byte
	open bool
}

func newGate(out io.Writer) *gate {
	return &gate{
		start: marker("start"), ask: marker("ask"), out: out,
		opened: make(chan struct{}), asked: make(chan struct{}, sudoTries+1), ended: make(chan struct{}),
	}
}

// Write is called with what the host prints on stderr.
func (g *gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open {
		return g.out.Write(p)
	}
	g.held = append(g.held, p...)
	for {
		before, after, found := bytes.Cut(g.held, []byte(g.ask))
		if !found {
			break
		}
		g.held = append(before[:len(before):len(before)], after...)
		select {
		case g.asked <- struct{}{}:
		default: // it asks more often than it may; the passwords run out first
		}
	}
	_, after, found := bytes.Cut(g.held, []byte(g.start))
	end := bytes.IndexByte(after, '\n')
	if !found || end < 0 {
		if over := len(g.held) - maxHeld; over > 0 {
			g.held = append([]byte{}, g.held[over:]...)
		}
		return len(p), nil
	}
	rest := after[end+1:]
	g.open, g.held = true, nil
	close(g.opened)
	if len(rest) > 0 {
		if _, err := g.out.Write(rest); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

func (g *gate) isOpen() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open
}

// said is what was printed instead of the start marker.
func (g *gate) said() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return strings.TrimSpace(string(g.held))
}

// wait answers prompts on w until the gate opens.
func (g *gate) wait(ctx context.Context, w io.Writer, p *passwords) error {
	timer := time.NewTimer(elevateTimeout)
	defer timer.Stop()
	for {
		select {
		case <-g.opened:
			return nil
		case <-g.ended:
			return context.Canceled
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
			return fmt.Errorf("%s: %q did not start the command within %v", p.conn.target.Node, strings.Join(p.conn.target.Elevate, " "), elevateTimeout)
		case <-g.asked:
			password, err := p.next()
			if err != nil {
				return err
			}
			if g.isOpen() {
				return nil // let in some other way meanwhile: nobody wants the password now
			}
			if _, err := io.WriteString(w, password+"\n"); err != nil {
				return err
			}
			timer.Reset(elevateTimeout)
		}
	}
}
