// Package nixname reads the names that Nix gives: store paths, and the generations of
// a profile.
package nixname

import (
	"path"
	"regexp"
	"strconv"
	"strings"
)

// StoreDir is where Nix keeps what it builds. Other store directories are not
// supported: a NixOS system is always in this one.
const StoreDir = "/nix/store"

// storePath is a hash in Nix's base 32, and a name (nix.dev, "Store Path").
var storePath = regexp.MustCompile(`^` + StoreDir + `/[0-9abcdfghijklmnpqrsvwxyz]{32}-[0-9a-zA-Z+._?=-]{1,211}$`)

// IsStorePath says whether s is a top-level path of the Nix store by form.
func IsStorePath(s string) bool { return storePath.MatchString(s) }

// InStore says whether a path is the store's directory or below it.
func InStore(s string) bool { return strings.HasPrefix(path.Clean(s)+"/", StoreDir+"/") }

// Generation is the number in a generation's link, such as system-12-link; 0 for what
// is none.
func Generation(link string) int {
	s, ok := strings.CutSuffix(path.Base(link), "-link")
	at := strings.LastIndexByte(s, '-')
	if !ok || at < 0 {
		return 0
	}
	n, err := strconv.ParseUint(s[at+1:], 10, 31)
	if err != nil {
		return 0
	}
	return int(n)
}
