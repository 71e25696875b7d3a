package closure

import (
	"cmp"
	"strings"
)

// CompareVersions orders versions as Nix does: component by component, a
// component being digits or anything else between dots and hyphens. Numbers
// count as numbers, letters come before numbers, and "pre" before everything.
func CompareVersions(a, b string) int {
	for a != "" || b != "" {
		var x, y string
		x, a = component(a)
		y, b = component(b)
		if c := compareComponents(x, y); c != 0 {
			return c
		}
	}
	return 0
}

// component cuts the first component off a version.
func component(v string) (first, rest string) {
	v = strings.TrimLeft(v, ".-")
	end := 0
	for end < len(v) && v[end] != '.' && v[end] != '-' && isDigit(v[end]) == isDigit(v[0]) {
		end++
	}
	return v[:end], v[end:]
}

func compareComponents(a, b string) int {
	if a == b {
		return 0
	}
	if c := cmp.Compare(rank(a), rank(b)); c != 0 {
		return c
	}
	if rank(a) == rankNumber { // of any length
		a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	}
	return cmp.Compare(a, b)
}

const (
	rankPre = iota
	rankEnd
	rankText
	rankNumber
)

// rank orders the kinds of components.
func rank(c string) int {
	switch {
	case c == "pre":
		return rankPre
	case c == "":
		return rankEnd
	case isDigit(c[0]):
		return rankNumber
	}
	return rankText
}
