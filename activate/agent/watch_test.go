package agent

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestWatchTellsOfNewsAtOnce(t *testing.T) {
	dir := t.TempDir()
	changes, stop := watch(dir)
	defer stop()
	if changes == nil {
		t.Fatal("this kernel has no inotify")
	}
	f, err := os.Create(filepath.Join(dir, "events"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	told := func(of string) {
		t.Helper()
		select {
		case <-changes:
		case <-time.After(10 * time.Second):
			t.Fatalf("not told of %s", of)
		}
	}
	told("a new file")
	if _, err := f.WriteString("news\n"); err != nil {
		t.Fatal(err)
	}
	told("what was written")
}

func TestWatchOfNothing(t *testing.T) {
	changes, stop := watch(filepath.Join(t.TempDir(), "missing"))
	defer stop()
	if changes != nil {
		t.Error("watches a directory that is not there")
	}
}
