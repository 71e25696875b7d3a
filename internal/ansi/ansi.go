// Package ansi takes what steers a terminal out of text.
package ansi

import "strings"

// Strip removes escape sequences, of which there is none left.
func Strip(s string) string {
	at := strings.IndexByte(s, 0x1b)
	if at < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for at >= 0 {
		b.WriteString(s[:at])
		s = s[at+escape(s[at:]):]
		at = strings.IndexByte(s, 0x1b)
	}
	b.WriteString(s)
	return b.String()
}

// escape returns the length of the escape sequence that s begins with: ESC [ to
// its final byte, ESC ] or another string to its terminator, or ESC with one
// character (ECMA-48, section 5). One that is
// unfinished ends with its line.
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
			if s[i] == '\n' {
				return i
			}
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
