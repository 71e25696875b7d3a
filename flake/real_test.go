package flake

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// realNix prepares the nix of this machine for a test: no network, no user
// configuration. Tests that use it need nix; without it they fail.
func realNix(t *testing.T) (*Nix, context.Context) {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, "cache"))
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "config"))
	t.Setenv("NIX_CONFIG", "experimental-features = nix-command flakes\nsandbox = false\nsubstituters =\nbuild-users-group =")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return &Nix{}, ctx
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

// writeFlake makes a flake, with the fixture in scope, in a new directory.
func writeFlake(t *testing.T, nixosConfigurations string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "flake.nix", fmt.Sprintf("{ outputs = { self }: let %s in { nixosConfigurations = { %s }; }; }",
		fmt.Sprintf(fixture, filepath.Base(dir)+time.Now().String()), nixosConfigurations))
	return dir
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func command(t *testing.T, dir string, argv ...string) string {
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

func gitCommit(t *testing.T, dir string) {
	t.Helper()
	command(t, dir, "git", "init", "-q", "-b", "main")
	command(t, dir, "git", "add", ".")
	command(t, dir, "git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", "x")
}

func open(t *testing.T, n *Nix, ctx context.Context, ref string) *Flake {
	t.Helper()
	f, err := n.Open(ctx, ref)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// evaluate evaluates all nodes of the flake and gives the results by name.
func evaluate(t *testing.T, ctx context.Context, f *Flake) map[string]Evaluation {
	t.Helper()
	names, err := f.Names(ctx)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]Evaluation{}
	if err := f.Evaluate(ctx, names, WithSystem, func(e Evaluation) { all[e.Name] = e }); err != nil {
		t.Fatal(err)
	}
	if len(all) != len(names) {
		t.Fatalf("%d results for %d nodes", len(all), len(names))
	}
	return all
}

// nodes evaluates the flake in dir, of which no node may fail.
func nodes(t *testing.T, n *Nix, ctx context.Context, dir string) map[string]Job {
	t.Helper()
	all := map[string]Job{}
	for name, e := range evaluate(t, ctx, open(t, n, ctx, dir)) {
		if e.Err != nil {
			t.Fatal(e.Err)
		}
		all[name] = Job{name, e.System}
	}
	return all
}
