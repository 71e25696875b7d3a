package onhost

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOwnedDirRefusesWhatOthersCanChange(t *testing.T) {
	dir := t.TempDir()
	open, link := filepath.Join(dir, "open"), filepath.Join(dir, "link")
	if err := os.Mkdir(open, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{open, link} {
		if err := OwnedDir(name, 0o700); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for range 2 {
		if err := OwnedDir(filepath.Join(dir, "new", "sub"), 0o700); err != nil {
			t.Error(err)
		}
	}
}

func TestFilesAreReplacedAsAWhole(t *testing.T) {
	name := filepath.Join(t.TempDir(), "state")
	// What somebody who was killed has left is no hindrance, a link in its place is.
	if err := os.WriteFile(Unfinished(name), []byte("longer than what follows"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteJSON(name, "new"); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(name); err != nil || string(b) != `"new"` {
		t.Errorf("%q, %v", b, err)
	}
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.Symlink(victim, Unfinished(name)); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(name, nil); err == nil {
		t.Error("a link was followed")
	}
	if _, err := os.Lstat(victim); !os.IsNotExist(err) {
		t.Errorf("what the link names: %v", err)
	}
}
