package nix

import "bytes"

// maxLine is the longest line kept, in bytes. Nix puts a whole line of a
// build's output into one line of its log, however long it is.
const maxLine = 256 << 10

// Lines is a writer that hands on complete lines, without their end. Of a line
// longer than maxLine only the beginning is kept.
type Lines struct {
	Handle func(line []byte) // the slice is valid during the call only
	buf    []byte
}

// Write never fails.
func (w *Lines) Write(p []byte) (int, error) {
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			w.keep(p)
			return n, nil
		}
		w.keep(p[:i])
		w.flush()
		p = p[i+1:]
	}
}

func (w *Lines) keep(p []byte) {
	w.buf = append(w.buf, p[:min(len(p), maxLine-len(w.buf))]...)
}

func (w *Lines) flush() {
	w.Handle(bytes.TrimSuffix(w.buf, []byte("\r")))
	w.buf = w.buf[:0]
}

// End hands on a last line that was not ended.
func (w *Lines) End() {
	if len(w.buf) > 0 {
		w.flush()
	}
}
