package flake

import (
	"os"
	"path/filepath"
	"testing"

	"flakeops/flake/nix/nixtest"

	"github.com/tidwall/gjson"
)

func TestDir(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	plainDir, gitDir := t.TempDir(), t.TempDir()
	sub := filepath.Join(gitDir, "in side")
	if err := os.Mkdir(sub, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{plainDir, gitDir, sub} {
		nixtest.Write(t, dir, "flake.nix", oneNode)
	}
	nixtest.Commit(t, gitDir)
	for ref, want := range map[string]string{
		plainDir:               plainDir,
		"path:" + plainDir:     plainDir,
		gitDir:                 gitDir,
		"git+file://" + gitDir: gitDir,
		"git+file://" + gitDir + "?rev=" + nixtest.Command(t, gitDir, "git", "rev-parse", "HEAD"): gitDir,
		"git+file://" + gitDir + "?dir=in%20side":                                                 sub,
	} {
		f := open(t, n, ctx, ref)
		if f.Dir != want {
			t.Errorf("%s: %q, want %q", ref, f.Dir, want)
		}
		root, below := want, ""
		if want == sub {
			root, below = gitDir, "in side"
		}
		if f.Sub != below {
			t.Errorf("%s: %q below its source, want %q", ref, f.Sub, below)
		}
		if f.Root != root {
			t.Errorf("%s: root %q, want %q", ref, f.Root, root)
		}
	}
}

func TestLocalTree(t *testing.T) {
	for ref, want := range map[string]string{
		`{"type":"path","path":"/a b"}`:                            "/a b",
		`{"type":"path","path":"/a","dir":"b"}`:                    "/a/b",
		`{"type":"path","path":"a"}`:                               "",
		`{"type":"git","url":"file:///a%20b?dir=c&x=y","dir":"c"}`: "/a b/c",
		`{"type":"git","url":"/a"}`:                                "/a",
		`{"type":"git","url":"file://host/a"}`:                     "",
		`{"type":"git","url":"ssh://host/a"}`:                      "",
		`{"type":"git","url":"https://example.org/a"}`:             "",
		`{"type":"git","url":"me@host:a"}`:                         "",
		`{"type":"github","owner":"a","repo":"b"}`:                 "",
		`{"type":"tarball","url":"file:///a.tar.gz"}`:              "",
		``: "",
	} {
		if _, got := localTree(gjson.Parse(ref)); got != want {
			t.Errorf("%s: %q, want %q", ref, got, want)
		}
	}
}
