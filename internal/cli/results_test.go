package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

// A reader that has read enough is no failure, whatever the verb.
func TestResultsThatNobodyReads(t *testing.T) {
	fakeNix(t)
	t.Chdir(t.TempDir())
	for line, want := range map[string]int{"--help": ExitDone, "plan --help": ExitDone, "help": ExitDone, "version": ExitDone, "--version": ExitDone,
		"version --json": ExitDone, "man": ExitDone, "completion bash": ExitDone, "depoly --json": exitOther, "list --json": exitEvaluation, "list": exitEvaluation} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		var stderr bytes.Buffer
		code := Main(t.Context(), append([]string{"flakeops"}, strings.Fields(line)...), strings.NewReader(""), w, &stderr)
		w.Close()
		if code != want || strings.Contains(stderr.String(), "pipe") || want == ExitDone && stderr.Len() > 0 {
			t.Errorf("%q: exit code %d, %q", line, code, &stderr)
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestResultsThatCannotBeWritten(t *testing.T) {
	for _, line := range []string{"--help", "version", "version --json", "man"} {
		var stderr bytes.Buffer
		code := Main(t.Context(), append([]string{"flakeops"}, strings.Fields(line)...), nil, io.Writer(fullDisk{}), &stderr)
		if code == ExitDone || !strings.Contains(stderr.String(), "no space left") {
			t.Errorf("%q: exit code %d, %q", line, code, &stderr)
		}
	}
}
