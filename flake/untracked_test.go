package flake

import (
	"os"
	"path/filepath"
	"testing"

	"flakeops/flake/nix/nixtest"
)

func TestUntrackedInTheWordsOfEachVersion(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{".git", "lib"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	nixtest.Write(t, root, "lib/v.nix", "")
	for message, want := range map[string]bool{
		"getting status of '/nix/store/x-source/lib/v.nix': No such file or directory":   true,
		"opening file '/nix/store/x-source/lib/v.nix': No such file or directory":        true,
		"path '/nix/store/x-source/lib/v.nix' does not exist":                            true,
		"path '«git+file:///x?ref=refs/heads/main&rev=30acd3»/lib/v.nix' does not exist": true,
		"path '/nix/store/x-source/lib/other.nix' does not exist":                        false,
		"path '/nix/store/x-other/lib/v.nix' does not exist":                             false,
		"something else": false,
	} {
		if got := untracked(message, root) != ""; got != want {
			t.Errorf("%s: %v", message, got)
		}
		if untracked(message, "") != "" || untracked(message, filepath.Join(root, "lib")) != "" {
			t.Errorf("%s: told of no git tree", message)
		}
	}
}
