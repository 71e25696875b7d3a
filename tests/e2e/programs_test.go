package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// program puts a script before the program of that name, and returns the PATH
// in which it comes first. In the script $real is the program itself.
func (f *fleet) program(name, script string) string {
	f.t.Helper()
	real, err := exec.LookPath(name)
	if err != nil {
		f.t.Fatal(err)
	}
	dir := f.t.TempDir()
	text := "#!/bin/sh\nreal=" + real + "\n" + script + "\n"
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
		f.t.Fatal(err)
	}
	return dir + ":" + os.Getenv("PATH")
}

// pathWithout is a PATH in which everything is that is in this process's,
// except for the programs whose names have one of the prefixes.
func (f *fleet) pathWithout(prefixes ...string) string {
	f.t.Helper()
	to := f.t.TempDir()
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if hasAnyPrefix(e.Name(), prefixes) {
				continue
			}
			// The first directory of the list wins.
			_ = os.Symlink(filepath.Join(dir, e.Name()), filepath.Join(to, e.Name()))
		}
	}
	return to
}

func hasAnyPrefix(name string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// writeIn writes a file on a host.
func writeIn(m *machine, path, text string) error {
	from := filepath.Join(m.t.TempDir(), "file")
	if err := os.WriteFile(from, []byte(text), 0o600); err != nil {
		return err
	}
	return m.CopyIn(m.t.Context(), from, path)
}
