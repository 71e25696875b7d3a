package flake

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// lacking recognises what older versions of nix say of a file that is not in a
// flake's source, and newer ones of a clean tree; of others these tell what to do.
var lacking = regexp.MustCompile(`(?:-source|»)/([^'"\n]+)['"]?:? (?:does not exist|No such file or directory)`)

// untracked is what to do about a file that nix misses in a flake's source
// although it is in the git tree below root: "" when it is not there.
func untracked(message, root string) string {
	m := lacking.FindStringSubmatch(message)
	if m == nil || root == "" {
		return ""
	}
	if _, err := os.Lstat(filepath.Join(root, ".git")); err != nil {
		return ""
	}
	if _, err := os.Lstat(filepath.Join(root, m[1])); err != nil {
		return ""
	}
	return fmt.Sprintf("%s is there, but git does not track it, so it is no part of the flake: "+
		"git add it (for a submodule: write ?submodules=1 behind the flake reference)", filepath.Join(root, m[1]))
}

// gitRoot is the git tree that a reference to this machine's files is in, "" for
// none.
func gitRoot(ref string) string {
	if !local(ref) || strings.HasPrefix(ref, "path:") { // of which nothing is left out
		return ""
	}
	dir, _, _ := strings.Cut(ref, "?")
	var err error
	if file, ok := strings.CutPrefix(dir, "git+file:"); ok {
		if dir, err = url.PathUnescape(strings.TrimPrefix(file, "//")); err != nil {
			return ""
		}
	}
	dir, err = filepath.Abs(dir)
	for err == nil {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		if filepath.Dir(dir) == dir {
			break
		}
		dir = filepath.Dir(dir)
	}
	return ""
}
