package agent

import (
	"bytes"
	"strings"

	"flakeops/activate/wire"
)

// lineWriter cuts what is written to it into lines and hands them on. A line
// longer than wire.MaxOutput is handed on cut, its rest dropped.
type lineWriter struct {
	line func(string)
	buf  []byte
	skip bool // within the rest of a line that was too long
}

func (w *lineWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		end := i
		if i < 0 {
			end = len(p)
		}
		if !w.skip {
			w.buf = append(w.buf, p[:end]...)
		}
		if len(w.buf) > wire.MaxOutput {
			w.buf = append(w.buf[:wire.MaxOutput], " [cut]"...)
			w.send()
			w.skip = true
		}
		if i < 0 {
			break
		}
		if !w.skip {
			w.send()
		}
		w.skip = false
		p = p[i+1:]
	}
	return n, nil
}

// flush hands on a last line that has no end.
func (w *lineWriter) flush() {
	if len(w.buf) > 0 {
		w.send()
	}
}

func (w *lineWriter) send() {
	w.line(strings.ToValidUTF8(strings.TrimRight(string(w.buf), "\r"), "\uFFFD"))
	w.buf = w.buf[:0]
}
