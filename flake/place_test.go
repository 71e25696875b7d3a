package flake

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flakeops/flake/nix/nixtest"
)

func TestOpenFindsADirectoryHoweverItIsWritten(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	top := t.TempDir()
	t.Chdir(top)
	tree := filepath.Join(top, "my fleet")
	for _, dir := range []string{tree, filepath.Join(tree, "sub"), filepath.Join(top, "all", "deep", "fleet")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		nixtest.Write(t, dir, "flake.nix", oneNode)
	}
	nixtest.Commit(t, tree)
	nixtest.Write(t, tree, "secret", "is not tracked")
	nixtest.Commit(t, filepath.Join(top, "all"))
	for link, to := range map[string]string{"blank": "my fleet", "plain": "all/deep/fleet", "tree": tree} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	in := func(dir ...string) string { return filepath.Join(append([]string{top}, dir...)...) }
	for ref, want := range map[string]string{
		tree: tree, "./my fleet": tree, "my fleet": tree, "./blank": tree, "blank": tree, in("blank"): tree, in("tree"): tree,
		"./my fleet/sub": in("my fleet", "sub"), "./my fleet?dir=sub": in("my fleet", "sub"),
		"plain": in("all", "deep", "fleet"), "./plain": in("all", "deep", "fleet"),
		in("all") + "?dir=deep/fleet": in("all", "deep", "fleet"), "./all/?dir=deep%2Ffleet": in("all", "deep", "fleet"),
		"./all/deep?dir=fleet&ref=main": in("all", "deep", "fleet"),
	} {
		f, err := Open(ctx, n, ref)
		if err != nil {
			t.Errorf("%s: %v", ref, err)
			continue
		}
		if names, err := f.Names(ctx); err != nil || len(names) != 1 || f.Dir != want || f.Dirty || f.Revision == "" {
			t.Errorf("%s: %q, %v, %+v", ref, names, err, f)
		}
	}

	// Nix 2.8 takes such a tree for a remote one, of which it sees only commits.
	nixtest.Write(t, tree, "flake.nix", oneNode+"\n")
	const want = "with changes that are not committed: commit them, rename the directory, or use a newer nix"
	if _, err := Open(ctx, n, "./my fleet"); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("a tree with changes: %v", err)
	}
	if err := os.RemoveAll(filepath.Join(tree, ".git")); err != nil {
		t.Fatal(err)
	}
	if f, err := Open(ctx, n, "./my fleet"); err == nil || !strings.Contains(err.Error(), "no path like that outside of git") {
		t.Errorf("a directory: %+v, %v", f, err)
	}
}

func TestOpenSaysWhoseTreeItIs(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	n, ctx := nixtest.Programs(t)
	dir := filepath.Join(t.TempDir(), "the fleet's")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	nixtest.Write(t, dir, "flake.nix", oneNode)
	nixtest.Commit(t, dir)
	nixtest.Command(t, dir, "chown", "-R", "nobody", ".")
	for _, ref := range []string{dir, "git+file://" + strings.ReplaceAll(dir, " ", "%20")} {
		_, err := Open(ctx, n, ref)
		want := dir + " is owned by nobody, and git trusts only what is your own: if you trust it, run `git config --global --add safe.directory '" +
			strings.ReplaceAll(dir, "'", `'\''`) + "'`"
		if err == nil || !strings.HasSuffix(err.Error(), want) || strings.Contains(err.Error(), "usage") {
			t.Errorf("%s: %v, want %s", ref, err, want)
		}
	}
}
