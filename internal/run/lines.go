package run

import (
	"bytes"
	"sync"
)

// Lines is a writer that hands on complete lines, without their end.
type Lines struct {
	Max    int               // bytes of a line that are kept
	Cut    string            // what a line ends with that was longer
	Handle func(line []byte) // the slice is valid during the call only

	mu     sync.Mutex // stdout and stderr may be copied by two goroutines
	buf    []byte
	longer bool
}

// Write never fails.
func (w *Lines) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			w.keep(p)
			return n, nil
		}
		w.keep(p[:i])
		w.hand()
		p = p[i+1:]
	}
}

func (w *Lines) keep(p []byte) {
	room := w.Max - len(w.buf)
	w.longer = w.longer || len(p) > room
	w.buf = append(w.buf, p[:min(len(p), room)]...)
}

func (w *Lines) hand() {
	line := bytes.TrimRight(w.buf, "\r")
	if w.longer {
		line = append(line, w.Cut...)
	}
	w.buf, w.longer = w.buf[:0], false
	w.Handle(line)
}

// End hands on a last line that was not ended.
func (w *Lines) End() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.buf) > 0 {
		w.hand()
	}
}
