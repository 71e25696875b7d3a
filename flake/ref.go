package flake

import (
	"fmt"
	"strings"
	"unicode"
)

// SplitRef splits FLAKE#NODE at the first '#'. A missing FLAKE is ".", the
// fragment is the node's name exactly as written, "" when there is none.
func SplitRef(arg string) (ref, fragment string, err error) {
	ref, fragment, cut := strings.Cut(arg, "#")
	if ref == "" {
		ref = "."
	}
	if cut && fragment == "" {
		return "", "", fmt.Errorf("no node after # in %q: name one, or leave the # out for all", arg)
	}
	return ref, fragment, checkRef(ref)
}

// checkRef refuses what nix would read as something other than a reference.
func checkRef(ref string) error {
	switch {
	case strings.HasPrefix(ref, "-"):
		return fmt.Errorf("flake reference %q begins with a dash: write ./%s for a directory of that name", ref, ref)
	case strings.ContainsRune(ref, '#'):
		return fmt.Errorf("flake reference %q has a fragment where none is expected", ref)
	case strings.ContainsFunc(ref, func(r rune) bool { return r != '\t' && r < 0x80 && unicode.IsControl(r) }):
		return fmt.Errorf("flake reference %q holds control characters", ref)
	}
	return nil
}
