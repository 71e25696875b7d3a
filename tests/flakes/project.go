package flakes

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Project writes the files of this project into a new directory, which it
// returns: what a flake that has the project as an input gets of it.
func Project(t testing.TB) string {
	t.Helper()
	root, err := sourceTree()
	if err != nil {
		t.Fatal(err)
	}
	files, err := command(t, root, nil, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	dir := t.TempDir()
	for name := range strings.SplitSeq(strings.TrimRight(files, "\x00"), "\x00") {
		from, to := filepath.Join(root, name), filepath.Join(dir, name)
		info, err := os.Lstat(from)
		if os.IsNotExist(err) {
			continue // deleted, and not committed yet
		} else if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if info.Mode()&os.ModeSymlink != 0 {
			target, err := os.Readlink(from)
			if err == nil {
				err = os.Symlink(target, to)
			}
			if err != nil {
				t.Fatal(err)
			}
			continue
		}
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, text, info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Nixpkgs writes a flake that stands in for nixpkgs into a new directory, which
// it returns. It builds with this machine's Go and its cache of modules, and
// its nixosSystem makes systems as those of a fleet.
func Nixpkgs(t testing.TB) string {
	t.Helper()
	root, err := sourceTree()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for from, to := range map[string]string{"stub-nixpkgs": dir, "fleet": filepath.Join(dir, "fleet")} {
		if err := copyTree(filepath.Join(root, "tests", "flakes", from), to); err != nil {
			t.Fatal(err)
		}
	}
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	env, err := goEnv(t)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{
		"path": filepath.Join(env["GOROOT"], "bin"), "home": home,
		"goproxy": env["GOPROXY"], "gomodcache": env["GOMODCACHE"], "gocache": env["GOCACHE"],
	})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "machine.json"), text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func goEnv(t testing.TB) (map[string]string, error) {
	out, err := exec.CommandContext(t.Context(), "go", "env", "-json", "GOROOT", "GOPROXY", "GOMODCACHE", "GOCACHE").Output()
	if err != nil {
		return nil, err
	}
	env := map[string]string{}
	return env, json.Unmarshal(out, &env)
}
