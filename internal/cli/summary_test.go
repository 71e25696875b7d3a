package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flakeops/internal/cli/exit"
)

// A run that came to no node is told of, too.
func TestSummaryOfARefusal(t *testing.T) {
	name := filepath.Join(t.TempDir(), "summary")
	t.Setenv("GITHUB_STEP_SUMMARY", name)
	t.Setenv("PATH", t.TempDir())
	if code, _, _ := runMain(t.Context(), "validate", "."); code != exit.Evaluation {
		t.Errorf("exit code %d", code)
	}
	text, err := os.ReadFile(name)
	if err != nil || !strings.HasPrefix(string(text), "### flakeops validate: exit status 2\n\n<pre>nix is not in PATH") {
		t.Errorf("%v, %s", err, text)
	}
}
