package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A system that nothing can activate is a system nevertheless, and what is none is
// called that.
func TestUsable(t *testing.T) {
	for want, files := range map[string][]string{
		"does its configuration say system.switch.enable = false?": {"nixos-version", "activate"},
		"is not a NixOS system, or is not on this host":            {"README"},
		"cannot be executed": {"nixos-version", "bin/switch-to-configuration"},
	} {
		dir := t.TempDir()
		for _, f := range files {
			f = filepath.Join(dir, f)
			if err := os.MkdirAll(filepath.Dir(f), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(f, nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := (&agent{}).usable(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", files, err, want)
		}
	}
}
