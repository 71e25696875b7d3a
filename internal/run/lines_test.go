package run

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	const most = 1 << 10
	x, y := strings.Repeat("x", most), strings.Repeat("y", most)
	var got []string
	w := &Lines{Max: most, Cut: " [cut]", Handle: func(l []byte) { got = append(got, string(l)) }}
	for _, s := range []string{"a\nb", "c\r\n", "\n", x, "\n", x, y, "\nnext\n", "\xff\nend"} {
		if n, err := io.WriteString(w, s); n != len(s) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	w.End()
	w.End()
	if want := []string{"a", "bc", "", x, x + " [cut]", "next", "\xff", "end"}; !slices.Equal(got, want) {
		t.Errorf("%d lines: %.100q", len(got), got)
	}
	if cap(w.buf) > 2*most {
		t.Errorf("keeps %d bytes", cap(w.buf))
	}
}

// However a text is cut into pieces, the lines are the same.
func FuzzLines(f *testing.F) {
	f.Add([]byte("one\ntwo\r\n\nunfinished"), 3)
	f.Fuzz(func(t *testing.T, text []byte, size int) {
		read := func(size int) (lines []string) {
			w := &Lines{Max: 10, Cut: "...", Handle: func(l []byte) { lines = append(lines, string(l)) }}
			for p := range slices.Chunk(text, size) {
				_, _ = w.Write(p)
			}
			w.End()
			return lines
		}
		whole := read(len(text) + 1)
		if in := read(max(1, size)); !slices.Equal(whole, in) {
			t.Errorf("%q, in pieces %q", whole, in)
		}
		if n := bytes.Count(text, []byte("\n")); len(whole) < n || len(whole) > n+1 {
			t.Errorf("%d lines of %d", len(whole), n)
		}
	})
}
