// Package nixtest has the nix of this machine, and flakes for it, for tests.
package nixtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flakeops/flake/nix"
)

// Programs prepares the nix of this machine for a test: no network, no user
// configuration. Tests that use it need nix; without it they fail.
func Programs(t *testing.T) (*nix.Programs, context.Context) {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, "cache"))
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "config"))
	t.Setenv("NIX_CONFIG", "experimental-features = nix-command flakes\nsandbox = false\nsubstituters =\nbuild-users-group =")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return &nix.Programs{}, ctx
}

// fixture is the common part of the flakes below: system NAME SCRIPT ATTRS is
// a node whose system is built by a shell script. salt makes a build new.
const fixture = `
    drv = name: script: attrs: derivation ({
      inherit name; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" script ]; salt = "%s";
    } // attrs);
    system = name: script: attrs: { config.system.build.toplevel = drv "nixos-system-${name}" script attrs; };
    broken = more: more // { config = more.config or { } // { system.build.toplevel = throw "it wants a disk"; }; };
    plain = name: system name "echo > $out" { };
`

// Flake makes a flake, with the fixture in scope, in a new directory.
func Flake(t *testing.T, nixosConfigurations string) string {
	t.Helper()
	dir := t.TempDir()
	Write(t, dir, "flake.nix", fmt.Sprintf("{ outputs = { self }: let %s in { nixosConfigurations = { %s }; }; }",
		fmt.Sprintf(fixture, filepath.Base(dir)+time.Now().String()), nixosConfigurations))
	return dir
}

// Write writes a file.
func Write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Command runs a program in a directory, and gives what it printed.
func Command(t *testing.T, dir string, argv ...string) string {
	t.Helper()
	c := exec.Command(argv[0], argv[1:]...)
	c.Dir = dir
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%q: %v\n%s", argv, err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// Commit makes a directory a git tree, all of it committed.
func Commit(t *testing.T, dir string) {
	t.Helper()
	Command(t, dir, "git", "init", "-q", "-b", "main")
	Command(t, dir, "git", "add", ".")
	Command(t, dir, "git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", "x")
}

// Fake puts a shell script into the place of nix and nix-store.
func Fake(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"nix", "nix-store"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}
