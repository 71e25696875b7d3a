package bootloader

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a boot loader's installation leaves behind when it is cut short is removed
// if it was that one's, and only named if it was there before.
func TestSweep(t *testing.T) {
	root := t.TempDir()
	name := filepath.Join(root, "boot/loader/loader.tmp")
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, there := range []bool{false, true} {
		var before []string
		if there {
			before = []string{name}
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		Sweep(root, before)
		_, err := os.Stat(name)
		if (err == nil) != there {
			t.Errorf("there before: %v, now: %v", there, err)
		}
	}
	if got := Trouble(root); !strings.Contains(got, "loader.tmp was left behind") {
		t.Errorf("it is not named: %q", got)
	}
}
