package deployer

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"flakeops/internal/lazy"
)

// inStore is the store path of the agent.
const inStore = "/nix/store/00000000000000000000000000000000-flakeops"

// binary builds the smallest program for a platform.
func binary(t *testing.T, goarch string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module x\n", "x.go": "package main\n\nfunc main() {}\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "x")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", file, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+goarch, "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return file
}

func TestAgentIsAddedOnce(t *testing.T) {
	own := binary(t, "amd64")
	var added, kept []string
	a := &agents{
		own: own,
		add: func(_ context.Context, file string) (string, error) {
			added = append(added, file)
			return inStore, nil
		},
		keep: func(_ context.Context, name, path string) error { kept = append(kept, name+" "+path); return nil },
	}
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if path, err := a.path(t.Context(), ownPlatform()); err != nil || path != inStore {
				t.Errorf("%q, %v", path, err)
			}
		})
	}
	all.Wait()
	if len(added) != 1 || added[0] != own || len(kept) != 1 || !strings.HasSuffix(kept[0], inStore) {
		t.Errorf("added %q, kept %q", added, kept)
	}
}

func TestAgentForAnotherSystem(t *testing.T) {
	dir := t.TempDir()
	a := &agents{
		own: binary(t, "amd64"),
		add: func(_ context.Context, file string) (string, error) {
			if filepath.Base(file) != "flakeops-riscv64-linux" {
				return "", errors.New("wrong file " + file)
			}
			return "riscv", nil
		},
		keep: func(context.Context, string, string) error { return nil },
	}
	if _, err := a.path(t.Context(), "riscv64-linux"); err == nil || !strings.Contains(err.Error(), "FLAKEOPS_AGENTS") {
		t.Errorf("without a directory: %v", err)
	}
	a.dir, a.done = dir, lazy.Map[string, string]{}
	if _, err := a.path(t.Context(), "riscv64-linux"); err == nil || !strings.Contains(err.Error(), "flakeops-riscv64-linux") {
		t.Errorf("with an empty directory: %v", err)
	}
	if err := os.Rename(binary(t, "riscv64"), filepath.Join(dir, "flakeops-riscv64-linux")); err != nil {
		t.Fatal(err)
	}
	a.done = lazy.Map[string, string]{}
	if path, err := a.path(t.Context(), "riscv64-linux"); err != nil || path != "riscv" {
		t.Errorf("%q, %v", path, err)
	}
}

func TestAgentsBesideTheProgram(t *testing.T) {
	prefix := t.TempDir()
	for _, dir := range []string{"bin", "libexec/flakeops"} {
		if err := os.MkdirAll(filepath.Join(prefix, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	want := filepath.Join(prefix, "libexec", "flakeops", "flakeops-riscv64-linux")
	if err := os.Rename(binary(t, "riscv64"), want); err != nil {
		t.Fatal(err)
	}
	a := &agents{own: filepath.Join(prefix, "bin", "flakeops")}
	if file, err := a.file("riscv64-linux"); err != nil || file != want {
		t.Errorf("%q, %v; want %q", file, err, want)
	}
}

// On its own system the small agent is taken, but for one that another build left,
// and without one the program is its own agent.
func TestAgentOfTheOwnSystem(t *testing.T) {
	prefix := t.TempDir()
	own := filepath.Join(prefix, "flakeops")
	small := filepath.Join(prefix, "libexec", "flakeops", "flakeops-"+ownPlatform())
	if err := os.MkdirAll(filepath.Dir(small), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(binary(t, "amd64"), own); err != nil {
		t.Fatal(err)
	}
	a := &agents{own: own}
	is := func(want string) {
		t.Helper()
		if file, err := a.file(ownPlatform()); err != nil || file != want {
			t.Errorf("%q, %v; want %q", file, err, want)
		}
	}
	is(own)
	if err := os.Rename(binary(t, "amd64"), small); err != nil {
		t.Fatal(err)
	}
	at := time.Now()
	for _, age := range []struct {
		of   time.Duration
		want string
	}{{0, small}, {-time.Second, small}, {time.Second, own}} { // as in the Nix store, built in this order, left behind
		if err := errors.Join(os.Chtimes(own, at, at), os.Chtimes(small, at, at.Add(-age.of))); err != nil {
			t.Fatal(err)
		}
		is(age.want)
	}
	a.dir = filepath.Dir(small)
	is(small)
	a.dir = prefix
	is(own)
}

func TestADynamicallyLinkedAgentIsRefused(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	a := &agents{own: sh}
	if _, err := a.path(t.Context(), ownPlatform()); err == nil || !strings.Contains(err.Error(), "CGO_ENABLED=0") {
		t.Errorf("%v", err)
	}
}
