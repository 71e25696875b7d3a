package architecture

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A plain build of main.go is everything that a deployment takes.
func TestMainPlaysEveryPart(t *testing.T) {
	dir := t.TempDir()
	program, ssh := filepath.Join(dir, "flakeops"), filepath.Join(dir, "ssh")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", program, "main.go")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.Symlink(program, ssh); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		argv                  []string
		socket                string
		code                  int
		stdout, stderr, wrong string
	}{
		{[]string{program, "version"}, "", 0, "flakeops ", "", "version"},
		{[]string{program, "version"}, "/nowhere", 0, "flakeops ", "", "version"},
		{[]string{ssh, "version"}, "", 0, "flakeops ", "", "ssh outside of a run is nobody's ssh"},
		{[]string{ssh, "flakeops-1.invalid", "true"}, "/nowhere", 255, "", "asking flakeops for flakeops-1.invalid", "ssh"},
		// An agent takes its command line as it is.
		{[]string{program, "agent", "run", "01ABC", "--help", "-x"}, "", 2, "", "usage: flakeops agent run ID\n", "agent"},
	} {
		var stdout, stderr bytes.Buffer
		cmd := exec.CommandContext(t.Context(), c.argv[0], c.argv[1:]...)
		cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), "FLAKEOPS_SSH_SOCKET="+c.socket), &stdout, &stderr
		_ = cmd.Run()
		if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(stdout.String(), c.stdout) ||
			(c.stdout == "") != (stdout.Len() == 0) || !strings.Contains(stderr.String(), c.stderr) {
			t.Errorf("%s: exit status %d, %q, %q", c.wrong, code, stdout.String(), stderr.String())
		}
	}
}
