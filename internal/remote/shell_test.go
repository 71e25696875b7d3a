package remote

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"flakeops/internal/remote/sessions"
	"flakeops/internal/run"
)

// oddShells are login shells, by the name of their users.
func oddShells() map[string]string {
	return map[string]string{
		// What more than one shell reads in its own way is an error to this one.
		"odd": `#!/bin/sh
case $2 in *[!a-z/\ ]*) echo "Unmatched '''." >&2; exit 1 ;; esac
echo "stty: 'standard input': Inappropriate ioctl for device" >&2
exec /bin/sh -c "$2"
`,
		// A startup file that asks something, of whoever is there.
		"greedy": "#!/bin/sh\nexec head -c 20\n",
		"mute":   "#!/bin/sh\necho 'no such choice' >&2\nexit 3\n",
	}
}

func TestEveryLoginShellReadsTheSame(t *testing.T) {
	k := newKey(t, "ed25519", "")
	h := startSudoHost(t, k)
	c := as(t, h, k, "odd", nil)
	const text = "first\n\xff\x00 second"
	out, errs, err := rootEcho(t, c, text)
	if err != nil || out != "0\n"+text || errs != "it's $x /root\n" {
		t.Errorf("stdout %q, stderr %q: %v", out, errs, err)
	}
	var echo, said bytes.Buffer
	_, err = c.Run(testContext(t), run.Command{
		Argv:  []string{"sh", "-c", `printf '%s\n' "$@" >&2; cat`, "sh", "it's", "a\nb", "!!", "$HOME", "*", ""},
		Stdin: strings.NewReader(text), Stdout: &echo, Stderr: &said,
	})
	if err != nil || echo.String() != text || said.String() != "it's\na\nb\n!!\n$HOME\n*\n\n" {
		t.Errorf("stdout %q, stderr %q: %v", echo.String(), said.String(), err)
	}
}

// A login shell that is none gets no byte of the command's stdin.
func TestNothingIsSentToAShellThatIsNone(t *testing.T) {
	k := newKey(t, "ed25519", "")
	h := startSudoHost(t, k)
	for user, says := range map[string]string{"greedy": "exit status 0", "mute": "exit status 3: no such choice"} {
		c := as(t, h, k, user, nil)
		for _, r := range []run.Runner{c, c.Root()} {
			var out bytes.Buffer
			_, err := r.Run(testContext(t), run.Command{Argv: []string{"cat"}, Stdin: strings.NewReader("secret"), Stdout: &out})
			var shell *sessions.ShellError
			if !errors.As(err, &shell) || strings.Contains(out.String(), "secret") {
				t.Fatalf("%s: printed %q: %#v", user, out.String(), err)
			}
			contains(t, err.Error(), "the login shell of "+user, "exec /bin/sh", says)
		}
	}
}
