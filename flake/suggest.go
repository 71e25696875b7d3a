package flake

import (
	"fmt"
	"slices"
	"strings"
)

// shown is how many names an error lists.
const shown = 10

// noMatch is the error of a selector that no node matches: it lists what there
// is, and the name that was probably meant.
func noMatch(selector string, names []string, tags map[string][]string) error {
	known, what, wanted := names, "nodes", selector
	text := "no node matches " + quoted(selector)
	if isTag(selector) {
		text = "no node has the tag " + quoted(selector[1:])
		known, what = allTags(tags), "tags"
		wanted = selector[1:]
	}
	if near := Nearest(wanted, known); near != "" && !strings.ContainsAny(wanted, "*?[") {
		text += ": did you mean " + quoted(near) + "?"
	}
	if len(known) == 0 {
		return &SelectError{Selector: selector, Message: text + ": no node has tags"}
	}
	list := make([]string, 0, shown)
	for _, n := range known[:min(len(known), shown)] {
		list = append(list, quoted(n))
	}
	if more := len(known) - len(list); more > 0 {
		list = append(list, fmt.Sprintf("and %d more", more))
	}
	sep := ": "
	if strings.HasSuffix(text, "?") {
		sep = " "
	}
	return &SelectError{Selector: selector, Message: fmt.Sprintf("%s%sthe %s are %s", text, sep, what, strings.Join(list, ", "))}
}

func allTags(tags map[string][]string) []string {
	var all []string
	for _, t := range tags {
		all = append(all, t...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Nearest is the name that differs from s by the fewest edits: a third of its
// length at most. It is "" when there is none.
func Nearest(s string, names []string) string {
	best, least := "", max(len(s)/3, 1)+1
	for _, n := range names {
		if abs(len(n)-len(s)) >= least {
			continue
		}
		if d := edits(strings.ToLower(s), strings.ToLower(n)); d < least {
			best, least = n, d
		}
	}
	return best
}

func abs(n int) int { return max(n, -n) }

// edits is how many bytes must be changed, put in, left out or swapped with
// their neighbour to make b of a.
func edits(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, before
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(last[j]+1, row[j-1]+1, change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
