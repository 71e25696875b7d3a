package architecture

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// agentParts are the packages that the agent is made of besides the standard
// library's, and why. It runs as root on every host, so each is a decision.
func agentParts() map[string]string {
	return map[string]string{
		"flakeops/activate/agent/flakeops-agent": "its main",
		"flakeops/activate/agent":                "a deployment's state machine",
		"flakeops/activate/agent/bootloader":     "what would boot, which a commit is judged by",
		"flakeops/activate/agent/history":        "the events and records that it keeps",
		"flakeops/activate/agent/lock":           "that no other changes the host meanwhile",
		"flakeops/activate/agent/orphans":        "what activations leave in the background",
		"flakeops/activate/wire":                 "what it is told and tells",
		"flakeops/internal/nixname":              "what Nix calls systems and generations",
		"flakeops/internal/onhost":               "how it keeps its files",
		"flakeops/internal/run":                  "the programs that it runs",
		"flakeops/internal/systemd":              "units that have failed",
		"flakeops/internal/signals":              "how it is asked to end",
		"flakeops/keys/install":                  "its verb keys",
		"flakeops/keys/message":                  "what that reads",
		"golang.org/x/sys/unix":                  "flock, fstatfs, renameat and what else syscall lacks",
	}
}

// agentDoesWithout are parts of the standard library that are large, or speak to a network.
func agentDoesWithout() []string {
	return []string{"net/http", "crypto/tls", "text/template", "html/template", "encoding/gob", "log/slog", "testing"}
}

// agentLimit is 5 MB: it is pushed to every host.
const agentLimit = 5_000_000

func TestAgentIsSmall(t *testing.T) {
	for _, goarch := range []string{"amd64", "arm64"} {
		env := append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+goarch)
		list := exec.CommandContext(t.Context(), "go", "list", "-deps", "./activate/agent/flakeops-agent")
		list.Dir, list.Env = root, env
		out, err := list.Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		parts := agentParts()
		standard := map[string]bool{}
		for _, path := range strings.Fields(string(out)) {
			first, _, _ := strings.Cut(path, "/")
			if first != module && !strings.Contains(first, ".") {
				standard[path] = true
				continue
			}
			if parts[path] == "" {
				t.Errorf("%s: the agent must not import %s: leave it out, or write down what for", goarch, path)
			}
			delete(parts, path)
		}
		for path := range parts {
			t.Errorf("%s: the agent no longer imports %s: take it from the list", goarch, path)
		}
		for _, path := range agentDoesWithout() {
			if standard[path] {
				t.Errorf("%s: the agent must do without %s", goarch, path)
			}
		}
	}

	file := filepath.Join(t.TempDir(), "agent")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", file, "./activate/agent/flakeops-agent")
	build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	is, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if is.Size() >= agentLimit {
		t.Errorf("the agent has %d bytes, %d are too many", is.Size(), agentLimit)
	}
}
