package run

import "sync"

// Tail is a writer that keeps the last Max bytes written to it, cut at a line's
// beginning. It bounds the memory a chatty or endless child can take.
type Tail struct {
	Max int

	mu      sync.Mutex
	buf     []byte
	dropped bool
}

// Write keeps p's end; it never fails.
func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(p)
	if len(p) > t.Max {
		p, t.buf, t.dropped = p[len(p)-t.Max:], t.buf[:0], true
	}
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - t.Max; over > 0 {
		t.buf, t.dropped = append(t.buf[:0], t.buf[over:]...), true
	}
	return n, nil
}

// String returns what was kept, without a first line of which the start is lost.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.buf
	if t.dropped {
		for i, c := range b {
			if c == '\n' && i+1 < len(b) {
				b = b[i+1:]
				break
			}
		}
	}
	return string(b)
}
