package store

import (
	"path"
	"regexp"
	"strings"
	"unicode"
)

// object is the name of an object in the store, in its longest form.
var object = regexp.MustCompile(`^[0-9abcdfghijklmnpqrsvwxyz]{32}-[0-9a-zA-Z+._?=-]{1,211}$`)

// ValidPath says whether s has the form of a store object's path. The store's
// directory may be another than /nix/store.
func ValidPath(s string) bool {
	return path.IsAbs(s) && path.Clean(s) == s && object.MatchString(path.Base(s)) && !strings.ContainsFunc(path.Dir(s), unicode.IsControl)
}
