package cli

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"flakeops/internal/cli/exit"
)

// asProgram in the environment makes this test's binary the program.
const asProgram = "FLAKEOPS_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(Main(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// completions are what may become of a line's last word.
func completions(t *testing.T, line string) []string {
	t.Helper()
	t.Setenv("COMP_LINE", line)
	code, stdout, stderr := runMain(t.Context(), "complete", "flakeops", "--x", "y")
	if code != exit.Done || stderr != "" {
		t.Fatalf("%q: exit code %d, %q", line, code, stderr)
	}
	found := strings.Fields(stdout)
	slices.Sort(found)
	return found
}

func TestCompletions(t *testing.T) {
	for line, want := range map[string]string{
		"flakeops ":                "build check deploy exec gc help history info keys list list-generations lock plan push reboot rollback scp send-keys ssh validate version",
		"flakeops re":              "reboot",
		"flakeops agen":            "", // hidden
		"flakeops keys ":           "list",
		"flakeops --dry":           "--dry-activate",
		"flakeops . --no-magic":    "--no-magic-rollback",
		"flakeops deploy --no-":    "--no-auto-rollback --no-keys --no-magic-rollback",
		"flakeops --log-format ":   "console json",
		"flakeops --log-format=j":  "json",
		"flakeops build --dry":     "", // deploy's
		"flakeops build --verb":    "--verbose",
		"flakeops build --on ":     "",
		"flakeops list . --js":     "--json",
		"flakeops keys list --exc": "--exclude",
	} {
		if got := strings.Join(completions(t, line), " "); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

func TestCompletionOfAnotherShell(t *testing.T) {
	if code, stdout, stderr := runMain(t.Context(), "completion", "tcsh"); code != exit.Other || stdout != "" || !strings.Contains(stderr, "bash") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

func TestCompletionScriptsAskTheProgram(t *testing.T) {
	for shell, how := range map[string]string{"bash": "complete -o default -C ", "zsh": "#compdef flakeops\n", "fish": "\ncomplete -c flakeops "} {
		code, script, _ := runMain(t.Context(), "completion", shell)
		if code != exit.Done || !strings.Contains(script, how) || !strings.Contains(script, "flakeops complete") {
			t.Errorf("%s: exit code %d, %q", shell, code, script)
		}
	}
}

// What is typed into bash with tabs is what runs.
func TestBashCompletes(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "flakeops")); err != nil {
		t.Fatal(err)
	}
	for typed, want := range map[string]string{
		"flakeops vers\t--js\t\n":             `"platform": `,
		"flakeops ke\tli\t--hel\t\n":          "Usage: flakeops keys list ",
		"flakeops --dry\t--hel\t\n":           "Usage: flakeops ",
		"flakeops version --log-format=j\t\n": "flakeops " + aboutThis().Flakeops + " (",
	} {
		bash := exec.CommandContext(t.Context(), "bash", "--norc", "--noprofile", "-i")
		bash.Dir = dir
		bash.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // leaves the terminal of the tests alone
		bash.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), asProgram + "=1", "HOME=" + dir, "INPUTRC=/dev/null", "TERM=dumb",
			"GORACE=atexit_sleep_ms=0"} // of a program with the race detector, which waits before it exits
		bash.Stdin = strings.NewReader("source <(flakeops completion bash)\n" + typed + "exit\n")
		out, err := bash.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%q: no %q, %v:\n%s", typed, want, err, out)
		}
	}
}
