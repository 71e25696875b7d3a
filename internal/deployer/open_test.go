package deployer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flakeops/flake"
)

// A service may have no HOME.
func TestCacheDirectoryWithoutHome(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	dir, err := cacheDir()
	if err != nil || !filepath.IsAbs(dir) || filepath.Base(dir) != ".cache" {
		t.Errorf("%q, %v", dir, err)
	}
	t.Setenv("XDG_CACHE_HOME", "/var/cache/x")
	if dir, err := cacheDir(); err != nil || dir != "/var/cache/x" {
		t.Errorf("%q, %v", dir, err)
	}
}

// A record is to name what was deployed, which a dirty tree's address does not.
func TestOriginOfADirtyTreeIsItsCopy(t *testing.T) {
	f := &Fleet{Flake: &flake.Flake{URL: "git+file:///home/me/fleet", Path: "/nix/store/x-source"}}
	if got := f.Origin().URL; got != f.Flake.URL {
		t.Errorf("clean: %s", got)
	}
	f.Flake.Dirty = true
	if got := f.Origin().URL; got != f.Flake.Path {
		t.Errorf("dirty: %s", got)
	}
}

func TestCacheThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_CACHE_HOME", file)
	if _, err := openRoots(); err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "XDG_CACHE_HOME") {
		t.Error(err)
	}
}
