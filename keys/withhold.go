package keys

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"flakeops/internal/run"
)

const (
	quotedLines = 5
	quotedLine  = 300     // bytes
	wholeLine   = 4 << 10 // a longer one may have lost its beginning
	telling     = 4       // characters, from which on a word may tell something of a secret
)

// escapes are what sets colours on a terminal.
var escapes = regexp.MustCompile(`\x1b\[[0-9;]*[A-Za-z]`)

// withheld tells how a command failed. What it wrote to stderr is quoted without
// each line that shows anything of what it wrote to stdout, which may be the
// value or a part of it.
func withheld(err error, stdout []byte) error {
	var failed *run.Error
	if !errors.As(err, &failed) {
		return errors.New("it cannot be run")
	}
	how := fmt.Sprintf("exit status %d", failed.Code)
	if failed.Err != nil {
		how = failed.Err.Error()
	}
	said := quote(failed.Stderr, stdout)
	if said == "" {
		return errors.New(how)
	}
	return fmt.Errorf("%s: %s", how, said)
}

// quote gives the last lines of stderr that have nothing in common with stdout.
func quote(stderr string, stdout []byte) string {
	if strings.TrimSpace(stderr) == "" {
		return ""
	}
	if !text(stdout) {
		// It could be shown in a form that is not recognised here.
		return "(its error output is withheld, as it printed binary data)"
	}
	shared := fragments(stdout)
	var lines []string
	hidden := false
	for line := range strings.Lines(stderr) {
		line = escapes.ReplaceAllString(line, "")
		line = strings.TrimSpace(strings.ToValidUTF8(strings.Map(visible, line), ""))
		switch {
		case line == "":
		case len(line) > wholeLine || shows(line, shared, string(stdout)):
			hidden = true
		default:
			lines = append(lines, short(line))
		}
	}
	if n := len(lines) - quotedLines; n > 0 {
		lines = lines[n:]
	}
	if hidden {
		lines = append(lines, "(withheld: lines with something that it printed)")
	}
	return strings.Join(lines, "; ")
}

// fragments are the lines of what was printed, and the words in them.
func fragments(stdout []byte) []string {
	var all []string
	for line := range strings.Lines(string(stdout)) {
		// As it is compared, so that a tab makes no difference.
		if line = strings.TrimSpace(strings.Map(visible, line)); line != "" {
			all = append(all, line)
		}
		for _, word := range strings.FieldsFunc(line, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`"'=:,;{}[]()<>`, r) }) {
			if utf8.RuneCountInString(word) >= telling {
				all = append(all, word)
			}
		}
	}
	return all
}

func shows(line string, fragments []string, stdout string) bool {
	if utf8.RuneCountInString(line) >= telling && strings.Contains(stdout, line) {
		return true
	}
	for _, f := range fragments {
		if strings.Contains(line, f) {
			return true
		}
	}
	return false
}

func text(b []byte) bool {
	return utf8.Valid(b) && bytes.IndexFunc(b, func(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) }) < 0
}

func visible(r rune) rune {
	switch {
	case r == '\t':
		return ' '
	case unicode.IsControl(r):
		return -1
	}
	return r
}

func short(line string) string {
	if len(line) > quotedLine {
		return strings.ToValidUTF8(line[:quotedLine], "") + "..."
	}
	return line
}
