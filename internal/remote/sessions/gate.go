package sessions

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

// gate is the stderr of a command. It holds back everything until the start
// marker: what the login shell's startup files print, sudo's lecture and its
// complaints about wrong passwords. It reports each prompt.
type gate struct {
	markers
	opened chan struct{} // closed at the start marker
	asked  chan struct{} // one value for each prompt
	ended  chan struct{} // closed by the owner when the session is over

	mu    sync.Mutex
	out   io.Writer
	held  []byte
	begun bool // a POSIX shell reads the script
	open  bool
}

func newGate(out io.Writer) *gate {
	return &gate{
		markers: newMarkers(), out: out,
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
	if rest, found := after(g.held, g.begin); found {
		g.begun, g.held = true, rest
	}
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
	rest, found := after(g.held, g.start)
	if !found {
		if over := len(g.held) - maxHeld; over > 0 {
			g.held = append([]byte{}, g.held[over:]...)
		}
		return len(p), nil
	}
	g.open, g.held = true, nil
	close(g.opened)
	if len(rest) > 0 {
		if _, err := g.out.Write(rest); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// after is what follows the line that ends with marker.
func after(text []byte, marker string) (rest []byte, found bool) {
	_, rest, found = bytes.Cut(text, []byte(marker))
	if end := bytes.IndexByte(rest, '\n'); found && end >= 0 {
		return rest[end+1:], true
	}
	return nil, false
}

func (g *gate) hasBegun() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.begun
}

func (g *gate) isOpen() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open
}

// said is what was printed instead of the next marker.
func (g *gate) said() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return strings.TrimSpace(string(g.held))
}

// wait answers prompts on w until the gate opens.
func (g *gate) wait(ctx context.Context, w io.Writer, p *passwords) error {
	timer := time.NewTimer(startTimeout)
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
			return fmt.Errorf("nothing was started within %v", startTimeout)
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
			timer.Reset(startTimeout)
		}
	}
}
