package flake

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flakeops/flake/nix"
)

func TestGitRoot(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, ".git"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(root, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Join(root, "sub"))
	for ref, want := range map[string]string{
		".": root, "..": root, "./deep/er": root, "..?dir=sub": root, root + "?ref=main": root, "git+file://" + root + "?dir=sub": root,
		"git+file:..": root, "path:" + root: "", "path:.": "", "github:a/b": "", "sub": "", "git+ssh://host" + root: "", "/": "",
	} {
		if got := gitRoot(ref); got != want {
			t.Errorf("%s: %q, want %q", ref, got, want)
		}
	}
}

func TestSplitRef(t *testing.T) {
	for arg, want := range map[string]string{
		"":                  ". ",
		".":                 ". ",
		"#web":              ". web",
		".#a.b":             ". a.b",
		"github:o/r#x#y":    "github:o/r x#y",
		"/x?dir=y#$(touch)": "/x?dir=y $(touch)",
		"x#":                "error: no node after #",
		"-x":                `error: flake reference "-x" begins with a dash: write ./-x`,
		"a\nb":              "error: flake reference",
	} {
		ref, node, err := SplitRef(arg)
		got := ref + " " + node
		if err != nil {
			got = "error: " + err.Error()
		}
		if msg, bad := strings.CutPrefix(want, "error: "); bad && (err == nil || !strings.HasPrefix(err.Error(), msg)) || !bad && got != want {
			t.Errorf("%q: %q, want %q", arg, got, want)
		}
	}
	if _, err := Open(t.Context(), &nix.Programs{}, "--help"); err == nil || !strings.Contains(err.Error(), "begins with a dash") {
		t.Error(err)
	}
}
