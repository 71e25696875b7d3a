package bootloader

import (
	"cmp"
	"strings"
)

// compareVersions orders names as systemd-boot does, by the UAPI group's version
// format: runs of digits by their number, runs of letters by the alphabet, and a
// separator in the order ~ - ^ . before anything else.
func compareVersions(a, b string) int {
	for {
		a, b = strings.TrimLeftFunc(a, isNoVersion), strings.TrimLeftFunc(b, isNoVersion)
		if has(a, '~') || has(b, '~') {
			if c := separated(&a, &b, '~'); c != 0 {
				return c
			}
		}
		if a == "" || b == "" {
			return cmp.Compare(len(a), len(b))
		}
		for _, separator := range []byte("-^.") {
			if has(a, separator) || has(b, separator) {
				if c := separated(&a, &b, separator); c != 0 {
					return c
				}
			}
		}
		in := isAlpha
		if a != "" && isDigit(rune(a[0])) || b != "" && isDigit(rune(b[0])) {
			in = isDigit
		}
		x, y := run(&a, in), run(&b, in)
		if c := compareRuns(x, y); c != 0 {
			return c
		}
	}
}

func compareRuns(x, y string) int {
	digits := x != "" && isDigit(rune(x[0])) || y != "" && isDigit(rune(y[0]))
	if !digits {
		n := min(len(x), len(y))
		return cmp.Or(cmp.Compare(x[:n], y[:n]), cmp.Compare(len(x), len(y)))
	}
	if (x == "") != (y == "") {
		return cmp.Compare(len(x), len(y))
	}
	x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
	return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y))
}

// separated takes a separator off both; the one that has it is the older.
func separated(a, b *string, separator byte) int {
	switch hasA, hasB := has(*a, separator), has(*b, separator); {
	case hasA && !hasB:
		return -1
	case hasB && !hasA:
		return 1
	}
	*a, *b = (*a)[1:], (*b)[1:]
	return 0
}

func has(s string, first byte) bool { return s != "" && s[0] == first }

// run takes the leading characters off that are of a kind.
func run(s *string, in func(rune) bool) string {
	rest := strings.TrimLeftFunc(*s, in)
	taken := (*s)[:len(*s)-len(rest)]
	*s = rest
	return taken
}

func isDigit(r rune) bool     { return '0' <= r && r <= '9' }
func isAlpha(r rune) bool     { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }
func isNoVersion(r rune) bool { return !isDigit(r) && !isAlpha(r) && !strings.ContainsRune("~-^.", r) }
