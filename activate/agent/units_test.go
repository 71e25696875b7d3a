package agent

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"flakeops/internal/run"
)

// What spares the agent when memory runs out must not spare what it starts.
func TestActivationIsNotProtectedWhenMemoryRunsOut(t *testing.T) {
	const own = "/proc/self/oom_score_adj"
	was, err := os.ReadFile(own)
	if err != nil {
		t.Skip(err)
	}
	if err := os.WriteFile(own, []byte("77"), 0); err != nil { // who is not root may only raise it
		t.Fatal(err)
	}
	defer func() { _ = os.WriteFile(own, was, 0) }()
	system := t.TempDir()
	script := "#!/bin/sh\nuntil [ \"$(cat /proc/$$/oom_score_adj)\" = 0 ]; do sleep 0.01; done; cat /proc/self/oom_score_adj\n"
	if err := os.Mkdir(filepath.Join(system, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(system, "bin/switch-to-configuration"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	var said []string
	h := &host{runner: run.Local{}}
	code, err := h.activate(t.Context(), system, "test", false, func(line string) { said = append(said, line) })
	if err != nil || code != 0 || !slices.Equal(said, []string{"0"}) {
		t.Errorf("exit status %d, %v, said %q", code, err, said)
	}
}
