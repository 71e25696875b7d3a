package ansi

import (
	"strings"
	"testing"
)

func TestStrip(t *testing.T) {
	for s, want := range map[string]string{
		"plain":                        "plain",
		"\x1b[31;1mred\x1b[0m":         "red",
		"\x1b]0;title\x07a":            "a",
		"\x1b]8;;http://x\x1b\\link":   "link",
		"\x1bPq\x1b\\a\x1bcb":          "ab",
		"a\x1b[31":                     "a",
		"a\x1b":                        "a",
		"\x1b\x1b[1mx":                 "x",
		"\x1b]never ended\nnext line":  "\nnext line",
		"\x1b[3\nnext line, umlaut ä€": "\nnext line, umlaut ä€",
	} {
		if got := Strip(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

func FuzzStrip(f *testing.F) {
	f.Add("\x1b[31mx\x1b]0;t\x07")
	f.Fuzz(func(t *testing.T, s string) {
		got := Strip(s)
		if strings.Contains(got, "\x1b") || len(got) > len(s) || strings.Count(got, "\n") != strings.Count(s, "\n") {
			t.Errorf("%q: %q", s, got)
		}
	})
}
