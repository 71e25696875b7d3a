package flake

import (
	"context"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"flakeops/flake/nix"
)

// placed writes a reference to a directory of this machine in the form that
// every version of nix takes: others know no link to a directory, and no ?dir=
// behind a path. What is no such reference stays as it is.
func placed(ref string) string {
	dir, query, _ := strings.Cut(ref, "?")
	if !strings.HasPrefix(dir, "/") && !strings.HasPrefix(dir, ".") {
		return ref
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return ref
	}
	if below := values.Get("dir"); below != "" {
		dir = strings.TrimSuffix(dir, "/") + "/" + below
		values.Del("dir")
		query = values.Encode()
	}
	if info, err := os.Lstat(dir); err == nil && info.Mode().Type() == fs.ModeSymlink {
		if target, err := filepath.EvalSymlinks(dir); err == nil {
			if dir, err = filepath.Abs(target); err != nil {
				return ref
			}
		}
	}
	if query != "" {
		return dir + "?" + query
	}
	return dir
}

// here is a word that is the name of a directory here, as a path to it. Nix
// would look for it in its registries.
func here(ref string) string {
	if ref == "" || strings.ContainsAny(ref, ":?") || strings.HasPrefix(ref, "/") || strings.HasPrefix(ref, ".") {
		return ref
	}
	if _, err := os.Stat(filepath.Join(ref, "flake.nix")); err != nil {
		return ref
	}
	return "./" + ref
}

// committed is a git tree without changes, at a path that nix 2.8 cannot write as
// a URL, such as one with a blank: then by its commit. Nix takes the tree for a
// remote one, and would see no change. The error tells why there is no such form.
func committed(ctx context.Context, n *nix.Programs, at string) (string, error) {
	dir, _, _ := strings.Cut(at, "?")
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	const hint = "rename the directory, or use a newer nix"
	root := gitRoot(at)
	if root == "" {
		return "", fmt.Errorf("this version of nix takes no path like that outside of git: %s", hint)
	}
	git := func(args ...string) (string, error) {
		a, err := n.Ask(ctx, append([]string{"git", "-C", root}, args...))
		return strings.TrimSpace(string(a.Out)), err
	}
	head, err := git("rev-parse", "--verify", "HEAD")
	changes := ""
	if err == nil {
		changes, err = git("status", "--porcelain", "--untracked-files=no")
	}
	if err != nil || changes != "" {
		return "", fmt.Errorf("this version of nix takes no path like that with changes that are not committed: commit them, %s", hint)
	}
	query := url.Values{"ref": {"HEAD"}, "rev": {head}}
	if below, err := filepath.Rel(root, abs); err == nil && below != "." {
		query.Set("dir", below)
	}
	return (&url.URL{Scheme: "git+file", Path: root, RawQuery: query.Encode()}).String(), nil
}

// stranger names who the git tree of a reference belongs to, when that is
// another user: then git reads nothing there. It is "" otherwise.
func stranger(at string) (root, owner string) {
	root = gitRoot(at)
	if root == "" {
		return "", ""
	}
	for _, file := range []string{root, filepath.Join(root, ".git")} {
		info, err := os.Stat(file)
		if err != nil {
			continue
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
			owner = strconv.FormatUint(uint64(stat.Uid), 10)
			if u, err := user.LookupId(owner); err == nil {
				owner = u.Username
			}
			return root, owner
		}
	}
	return "", ""
}
