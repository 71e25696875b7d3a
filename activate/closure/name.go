package closure

import "strings"

// Package is what the name of a store path tells.
type Package struct {
	Name    string
	Version string // empty where the name has none
}

// PackageOf reads the package of a store path from its name, as Nix does: the
// version begins after the first hyphen that a digit follows. An output that is
// named last, as in openssl-3.0.1-bin, belongs to neither.
func PackageOf(storePath string) Package {
	base := storePath[strings.LastIndexByte(storePath, '/')+1:]
	if _, name, ok := strings.Cut(base, "-"); ok {
		base = name
	}
	for i := 1; i+1 < len(base); i++ {
		if base[i] == '-' && isDigit(base[i+1]) {
			return Package{Name: base[:i], Version: withoutOutput(base[i+1:])}
		}
	}
	return Package{Name: base}
}

// withoutOutput cuts the name of an output off the end of a version.
func withoutOutput(version string) string {
	at := strings.LastIndexByte(version, '-')
	if at < 0 {
		return version
	}
	switch version[at+1:] {
	case "bin", "data", "debug", "dev", "devdoc", "dist", "doc", "getent", "info", "lib", "libgcc",
		"man", "modules", "nologin", "out", "static", "terminfo", "tools":
		return version[:at]
	}
	return version
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
