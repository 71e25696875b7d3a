package ui

import (
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain text, 100 %":          "plain text, 100 %",
		"größer → 東京":                "größer → 東京",
		"\x1b[31mred\x1b[0m":         "red",
		"\x1b[2J\x1b[1;1Hgone":       "gone",
		"\x1b]0;title\x07text":       "text",
		"\x1b]8;;http://x\x1b\\link": "link",
		"\x1bPdevice\x1b\\text":      "text",
		"\x1bcreset":                 "reset",
		"\x1b":                       "",
		"\x1b[31":                    "",
		"\x1b[3\nx":                  "\ufffdx",
		"10%\r50%\r100%":             "100%",
		"windows\r\n":                "windows",
		"a\tb":                       "a b",
		"bell\a null\x00 del\x7f":    "bell\ufffd null\ufffd del\ufffd",
		"c1 \u009b31m":               "c1 \ufffd31m",
		"bad \xff utf-8":             "bad \ufffd utf-8",
		"right\u202eto left":         "right\ufffdto left",
		"zero\u200bwidth":            "zero\ufffdwidth",
		"two\nlines":                 "two\ufffdlines",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzClean holds that nothing a terminal acts on gets through, that clean text
// stays as it is, and that nothing is made up.
func FuzzClean(f *testing.F) {
	for _, s := range []string{"text", "\x1b[31mred", "\x1b]0;t\x07", "a\rb", "\xc2\x9b", "\x1b\x1b[m", "\u202e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Clean(s)
		if !utf8.ValidString(got) {
			t.Fatalf("invalid UTF-8 in %q", got)
		}
		for _, r := range got {
			if !unicode.IsGraphic(r) {
				t.Fatalf("%U in %q", r, got)
			}
		}
		if again := Clean(got); again != got {
			t.Fatalf("%q became %q", got, again)
		}
		if len(got) > 3*len(s) {
			t.Fatalf("%q grew to %q", s, got)
		}
	})
}
