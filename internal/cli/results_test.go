package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"flakeops/internal/cli/exit"
)

// A reader that has read enough is no failure, whatever the verb.
func TestResultsThatNobodyReads(t *testing.T) {
	fakeNix(t)
	t.Chdir(t.TempDir())
	for line, want := range map[string]int{"--help": exit.Done, "plan --help": exit.Done, "help": exit.Done, "version": exit.Done, "--version": exit.Done,
		"version --json": exit.Done, "man": exit.Done, "completion bash": exit.Done, "depoly --json": exit.Other, "list --json": exit.Evaluation, "list": exit.Evaluation} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		var stderr bytes.Buffer
		code := Main(t.Context(), append([]string{"flakeops"}, strings.Fields(line)...), strings.NewReader(""), w, &stderr)
		w.Close()
		if code != want || strings.Contains(stderr.String(), "pipe") || want == exit.Done && stderr.Len() > 0 {
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
		if code == exit.Done || !strings.Contains(stderr.String(), "no space left") {
			t.Errorf("%q: exit code %d, %q", line, code, &stderr)
		}
	}
}

// A reader of results that went away does not hide what went wrong before.
func TestResultsThatCannotBeWrittenKeepTheError(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	var stderr bytes.Buffer
	code := Main(t.Context(), []string{"flakeops", "list", "--json", "."}, nil, closedPipe{}, &stderr)
	if code != exit.Evaluation || !strings.Contains(stderr.String(), "nix is not in PATH") || !strings.Contains(stderr.String(), "closed") {
		t.Errorf("%d, %q", code, stderr.String())
	}
}

type closedPipe struct{}

func (closedPipe) Write([]byte) (int, error) { return 0, os.ErrClosed }
