package wire

import (
	"bytes"
	"strings"
	"sync"
)

// LineWriter cuts what is written to it into lines and hands them on. A line
// longer than MaxOutput is handed on cut, its rest dropped.
type LineWriter struct {
	Line func(string)

	mu   sync.Mutex // stdout and stderr may be copied by two goroutines
	buf  []byte
	skip bool // within the rest of a line that was too long
}

// Write takes part of the output; it never fails.
func (w *LineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
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
		if len(w.buf) > MaxOutput {
			w.buf = append(w.buf[:MaxOutput], " [cut]"...)
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

// Flush hands on a last line that has no end.
func (w *LineWriter) Flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.buf) > 0 {
		w.send()
	}
}

func (w *LineWriter) send() {
	w.Line(strings.ToValidUTF8(strings.TrimRight(string(w.buf), "\r"), "\uFFFD"))
	w.buf = w.buf[:0]
}

// SaysLocked says whether a line is switch-to-configuration's word on another one that
// holds its lock, in all releases of NixOS (nixpkgs, pkgs/by-name/sw/switch-to-configuration-ng).
// Its exit status, 11, may be any other EAGAIN.
func SaysLocked(line string) bool { return strings.HasPrefix(line, "Could not acquire lock") }
