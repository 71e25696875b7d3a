package keys

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExposed(t *testing.T) {
	dir, source, elsewhere := t.TempDir(), t.TempDir(), t.TempDir()
	for _, name := range []string{
		filepath.Join(dir, "in"), filepath.Join(source, "in"), filepath.Join(dir, "ignored"), filepath.Join(elsewhere, "key"),
	} {
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "in"), filepath.Join(elsewhere, "link")); err != nil {
		t.Fatal(err)
	}
	r := &Reader{Dir: dir, Source: source}
	for file, want := range map[string]string{
		"in":                               "part of the flake's source",
		"./in":                             "part of the flake's source",
		filepath.Join(dir, "in"):           "part of the flake's source",
		filepath.Join(elsewhere, "link"):   "part of the flake's source",
		"ignored":                          "",
		"missing":                          "",
		"in/below":                         "",
		filepath.Join(elsewhere, "key"):    "",
		filepath.Join(elsewhere, "no"):     "",
		"../" + filepath.Base(dir) + "/in": "part of the flake's source",
	} {
		err := r.Exposed(file)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", file, err, want)
		}
	}
	// A flake that is not here is read from its source alone.
	remote := &Reader{Source: source}
	for file, exposed := range map[string]bool{"missing": false, filepath.Join(elsewhere, "key"): false} {
		if err := remote.Exposed(file); (err != nil) != exposed {
			t.Errorf("remote flake: %s: %v", file, err)
		}
	}
}
