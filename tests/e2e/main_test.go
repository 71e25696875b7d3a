// Package e2e deploys fleets with the real binary, the real nix, and hosts that
// run systemd and sshd. Every test has hosts of its own.
package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rs/zerolog"

	"flakeops/tests/lab/host"
)

// binary is the flakeops under test; TestMain builds it.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctx := context.Background()
	log := zerolog.New(zerolog.ConsoleWriter{Out: os.Stderr})
	if err := host.Ensure(ctx, log); err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		return 1
	}
	dir, err := os.MkdirTemp("", "flakeops-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "flakeops")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, "flakeops")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building flakeops: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}
