package ui

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"flakeops/internal/ansi"
)

// Clean makes one line of foreign text harmless to a terminal: escape sequences
// are removed, a carriage return shows what it would have left on the line, a
// tab is a space, and whatever else does not print (other controls, invisible
// and direction-changing characters, invalid UTF-8) becomes U+FFFD.
func Clean(s string) string {
	if isClean(s) {
		return s
	}
	s = strings.TrimRight(s, "\r\n")
	if i := strings.LastIndexByte(s, '\r'); i >= 0 {
		s = s[i+1:]
	}
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range ansi.Strip(s) {
		switch {
		case r == '\t':
			b.WriteByte(' ')
		case unicode.IsGraphic(r): // false for no rune of RuneError itself
			b.WriteRune(r)
		default:
			b.WriteRune(utf8.RuneError)
		}
	}
	return b.String()
}

func isClean(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
