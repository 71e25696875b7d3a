package keys

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// No line that a command printed may be in what is quoted of its errors.
func FuzzQuote(f *testing.F) {
	f.Add("fine\n+ echo hunter2\n", "hunter2\n")
	f.Add("wrong: hunter 2\tx\n\x1b[1mhun\x1b[0mter2", "hunter 2\tx\nhunter2")
	f.Add("\xffhunter2", "hunter2")
	f.Add("a\u0085bcd", "a\u0085bcd")
	f.Fuzz(func(t *testing.T, stderr, stdout string) {
		quoted := quote(stderr, []byte(stdout))
		for line := range strings.Lines(stdout) {
			line = strings.TrimSpace(line)
			if utf8.RuneCountInString(line) < 4 || strings.Contains(line, ";") || strings.Contains("(withheld: lines with something that it printed) (its error output is withheld, as it printed binary data) ...", line) {
				continue // it may be in the words around what is quoted
			}
			if strings.Contains(quoted, line) {
				t.Fatalf("%q shows %q", quoted, line)
			}
		}
	})
}
