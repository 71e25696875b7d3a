package flakes

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Using makes a fleet's flake, in dir, one that has this project and the
// stand-in for nixpkgs as locked inputs, with apps and checks of its own.
func Using(t testing.TB, dir string) {
	t.Helper()
	root, err := sourceTree()
	if err != nil {
		t.Fatal(err)
	}
	if err := copyTree(filepath.Join(root, "tests", "flakes", "user"), dir); err != nil {
		t.Fatal(err)
	}
	FillIn(t, filepath.Join(dir, "flake.nix"), "@flakeops@", Project(t), "@nixpkgs@", Nixpkgs(t))
	Nix(t, dir, "flake", "lock")
}

// FillIn replaces words of a file: each of the first of two by the second.
func FillIn(t testing.TB, file string, words ...string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, []byte(strings.NewReplacer(words...).Replace(string(text))), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
