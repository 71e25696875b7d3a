package sessions

import (
	"io"
	"sync"

	"golang.org/x/crypto/ssh"
)

// valve is a writer that can be shut: after that nothing reaches w.
type valve struct {
	mu     sync.Mutex
	w      io.Writer
	closed bool
}

func (v *valve) Write(p []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed || v.w == nil {
		return len(p), nil
	}
	return v.w.Write(p)
}

func (v *valve) shut() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
}

// breaker ends a session when what it prints cannot be passed on, as SIGPIPE
// ends a local command.
type breaker struct {
	channel ssh.Channel
	mu      sync.Mutex
	err     error
}

func (b *breaker) failed() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

func (b *breaker) on(w io.Writer) io.Writer {
	return writerFunc(func(p []byte) (int, error) {
		n, err := w.Write(p)
		if err != nil {
			b.mu.Lock()
			b.err = err
			b.mu.Unlock()
			_ = b.channel.Close()
		}
		return n, err
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// both writes to w, if it is not nil, and to the tail.
func both(w, tail io.Writer) io.Writer {
	if w == nil {
		return tail
	}
	return io.MultiWriter(w, tail)
}

// copyBuffer is larger than a packet, so that one read feeds several.
const copyBuffer = 256 << 10

// copyInto feeds a session from r; nil is an empty stdin.
func copyInto(r io.Reader) func(io.WriteCloser) {
	return func(w io.WriteCloser) {
		if r != nil {
			// The struct hides r's own WriteTo, which would use a small buffer.
			_, _ = io.CopyBuffer(w, struct{ io.Reader }{r}, make([]byte, copyBuffer))
		}
		_ = w.Close()
	}
}
