package flake

import "bytes"

// maxLine is the longest line kept, in bytes. Nix puts a whole line of a
// build's output into one line of its log, however long it is.
const maxLine = 256 << 10

// lines is a writer that hands on complete lines, without their end. Of a line
// longer than maxLine only the beginning is kept.
type lines struct {
	handle func(line []byte) // the slice is valid during the call only
	buf    []byte
}

// Write never fails.
func (w *lines) Write(p []byte) (int, error) {
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

func (w *lines) keep(p []byte) {
	w.buf = append(w.buf, p[:min(len(p), maxLine-len(w.buf))]...)
}

func (w *lines) flush() {
	w.handle(bytes.TrimSuffix(w.buf, []byte("\r")))
	w.buf = w.buf[:0]
}

// end hands on a last line that was not ended.
func (w *lines) end() {
	if len(w.buf) > 0 {
		w.flush()
	}
}
