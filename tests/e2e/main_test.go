// Package e2e deploys fleets with the real binary, the real nix, and hosts that
// run systemd and sshd. Every test has hosts of its own.
package e2e

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/rs/zerolog"

	"flakeops/tests/lab/host"
	"flakeops/tests/trial"
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
	if binary, err = trial.Build(ctx, dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}
