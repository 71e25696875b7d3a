package sessions

import (
	"crypto/rand"
	"errors"
	"fmt"
	"path"
	"strings"

	"flakeops/internal/run"
)

// shellLine is all that a login shell ever reads of us. Every shell reads it
// alike: POSIX ones, csh, tcsh, fish, nushell and elvish. What it becomes reads
// the command from stdin, as a script.
const shellLine = "exec /bin/sh"

// announce tells, on stderr, that elevation is over, and becomes the command.
const announce = `echo "$0" >&2; exec "$@"`

// markers are the words with which a script tells how far it has come. No other
// program prints them.
type markers struct {
	begin string // a POSIX shell reads the script
	ask   string // sudo asks for a password
	start string // the command is next
}

func newMarkers() markers {
	word := func(what string) string { return "flakeops-" + what + "-" + rand.Text() }
	return markers{begin: word("begin"), ask: word("ask"), start: word("start")}
}

// plainScript becomes argv. The braces have the shell read all of it before it
// runs any of it.
func (m markers) plainScript(argv []string) string {
	return fmt.Sprintf("{ echo %s >&2; echo %s >&2; exec %s\n}\n", m.begin, m.start, run.Quote(argv))
}

// elevatedScript becomes argv by way of the elevation command up. A login user
// with another name who is root already is left alone.
func (m markers) elevatedScript(up, argv []string) string {
	if path.Base(up[0]) == "sudo" {
		// -k: whatever sudo remembers, it either needs no password or asks for
		// it, so the prompt is always seen before a password is sent.
		up = append([]string{up[0], "-k", "-S", "-p", m.ask}, up[1:]...)
	}
	return fmt.Sprintf(`{ echo %s >&2; set -- %s
if [ "$(id -u)" = 0 ]; then echo %s >&2; exec "$@"; fi
exec %s sh -c %s %s "$@"
}
`, m.begin, run.Quote(argv), m.start, run.Quote(up), run.Quote([]string{announce}), m.start)
}

// commandLine is cmd's argv, with its environment and directory put before it.
func commandLine(cmd run.Command) ([]string, error) {
	if len(cmd.Argv) == 0 {
		return nil, errors.New("empty command")
	}
	argv := cmd.Argv
	if len(cmd.Env) > 0 {
		argv = append(append([]string{"env"}, cmd.Env...), argv...)
	}
	if cmd.Dir != "" {
		argv = append([]string{"sh", "-c", `cd -- "$0" && exec "$@"`, cmd.Dir}, argv...)
	}
	for _, word := range argv {
		if strings.ContainsRune(word, 0) {
			return nil, fmt.Errorf("%s: an argument has a NUL byte in it", argv[0])
		}
	}
	return argv, nil
}
