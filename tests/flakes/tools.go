package flakes

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// NixConfig is the value of NIX_CONFIG that makes nix evaluate and build these
// flakes on any machine, as root and without a network.
const NixConfig = `experimental-features = nix-command flakes
sandbox = false
substituters =
build-users-group =
`

// Nix runs nix in dir, with NixConfig, and returns its standard output without
// the last line's end. The test fails when nix does.
func Nix(t testing.TB, dir string, args ...string) string {
	t.Helper()
	out, err := TryNix(t, dir, args...)
	if err != nil {
		t.Fatalf("nix %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// TryNix is Nix for a call that may fail. The error ends with what
// nix wrote to standard error.
func TryNix(t testing.TB, dir string, args ...string) (string, error) {
	t.Helper()
	return command(t, dir, []string{"NIX_CONFIG=" + NixConfig}, "nix", args...)
}

// Commit makes dir a Git work tree, unless it is one, and commits all its
// files. It returns the commit's hash.
func Commit(t testing.TB, dir string) string {
	t.Helper()
	identity := []string{
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=fleet", "GIT_AUTHOR_EMAIL=fleet@localhost",
		"GIT_COMMITTER_NAME=fleet", "GIT_COMMITTER_EMAIL=fleet@localhost",
	}
	hash := ""
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch=main"},
		{"add", "--all"},
		{"commit", "--quiet", "--allow-empty", "--message=fleet"},
		{"rev-parse", "HEAD"},
	} {
		out, err := command(t, dir, identity, "git", args...)
		if err != nil {
			t.Fatalf("git %s: %v", args[0], err)
		}
		hash = out
	}
	return hash
}

func command(t testing.TB, dir string, env []string, program string, args ...string) (string, error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%w: %s", err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSuffix(stdout.String(), "\n"), nil
}
