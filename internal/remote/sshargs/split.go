package sshargs

import (
	"errors"
	"strings"
)

// Split cuts s into words as a POSIX shell does, without any expansion: blanks
// separate; quotes and backslashes protect. It is how nix reads NIX_SSHOPTS
// since 2.26 (older versions cut at every blank), and how a command line that
// nix hands to ssh is taken apart. An open quote is an error.
func Split(s string) ([]string, error) {
	var words []string
	var word strings.Builder
	started := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case ' ', '\t', '\n', '\r':
			if started {
				words = append(words, word.String())
				word.Reset()
				started = false
			}
		case '\\':
			if i++; i == len(s) {
				return nil, errors.New("ends with a lone backslash")
			}
			word.WriteByte(s[i])
			started = true
		case '\'':
			end := strings.IndexByte(s[i+1:], '\'')
			if end < 0 {
				return nil, errors.New("a single quote is not closed")
			}
			word.WriteString(s[i+1 : i+1+end])
			i += 1 + end
			started = true
		case '"':
			n, err := doubleQuoted(s[i+1:], &word)
			if err != nil {
				return nil, err
			}
			i += n
			started = true
		default:
			word.WriteByte(c)
			started = true
		}
	}
	if started {
		words = append(words, word.String())
	}
	return words, nil
}

// doubleQuoted reads what follows an opening double quote and returns the
// number of bytes up to and including the closing one.
func doubleQuoted(s string, word *strings.Builder) (int, error) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return i + 1, nil
		case '\\':
			if i+1 < len(s) && strings.IndexByte("$`\"\\", s[i+1]) >= 0 {
				i++
			}
		}
		word.WriteByte(s[i])
	}
	return 0, errors.New("a double quote is not closed")
}
