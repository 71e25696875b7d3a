package ui

import (
	"strings"
	"unicode"
	"unicode/utf8"
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
	for len(s) > 0 {
		if n := escape(s); n > 0 {
			s = s[n:]
			continue
		}
		r, n := utf8.DecodeRuneInString(s)
		s = s[n:]
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

// escape returns the length of the escape sequence that s begins with: ESC [ to
// its final byte, ESC ] or another string to its terminator, or ESC with one
// character (ECMA-48, section 5). An unfinished sequence ends with the text.
func escape(s string) int {
	if len(s) == 0 || s[0] != 0x1b {
		return 0
	}
	if len(s) == 1 {
		return 1
	}
	switch s[1] {
	case '[':
		for i := 2; i < len(s); i++ {
			switch c := s[i]; {
			case 0x40 <= c && c <= 0x7e:
				return i + 1
			case c < 0x20 || c > 0x3f:
				return i // not a sequence after all: what follows is text
			}
		}
		return len(s)
	case ']', 'P', 'X', '^', '_':
		for i := 2; i < len(s); i++ {
			if s[i] == 0x07 {
				return i + 1
			}
			if s[i] == 0x1b {
				if i+1 < len(s) && s[i+1] == '\\' {
					return i + 2
				}
				return i
			}
		}
		return len(s)
	}
	if s[1] < 0x20 || s[1] > 0x7e {
		return 1
	}
	return 2
}
