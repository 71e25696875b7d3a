package document

import (
	"fmt"
	"strings"

	"flakeops/activate/closure"
	"flakeops/internal/fleet"
)

// PlanNote is what a deployment would change on a node's host, in one line.
func PlanNote(n *fleet.Node) string {
	d, f := n.Plan, n.KnownFacts()
	var parts []string
	if under := f.UnderWay(); under != "" {
		parts = append(parts, under)
	}
	switch {
	case f.Running == n.System.Out:
		if f.Profile != n.System.Out {
			parts = append(parts, "runs, but is not the default at boot yet")
		}
	case d.Known():
		parts = append(parts, packagesNote(d.Difference), growth(d.Grows())+" on disk", size(d.CopyBytes)+" to copy")
	default:
		parts = append(parts, "another system, not built: run `flakeops build` for the package difference")
	}
	if len(d.Keys) > 0 {
		parts = append(parts, Count(len(d.Keys), "key", "to write"))
	}
	if len(d.GoneKeys) > 0 {
		parts = append(parts, Count(len(d.GoneKeys), "key", "to remove"))
	}
	if len(d.Reboot) > 0 {
		parts = append(parts, "reboot needed: "+strings.Join(d.Reboot, ", "))
	}
	return strings.Join(parts, "; ")
}

func packagesNote(d closure.Difference) string {
	var parts []string
	for _, part := range []struct {
		n    int
		what string
	}{
		{len(d.Added), "added"}, {len(d.Removed), "removed"}, {len(d.Upgraded), "upgraded"},
		{len(d.Downgraded), "downgraded"}, {len(d.Rebuilt), "rebuilt"},
	} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	if len(parts) == 0 {
		return "the same packages"
	}
	return strings.Join(parts, ", ")
}

// planDetails are the lines about a node that -v asks for.
func planDetails(n *fleet.Node, pushed bool) []string {
	d, f := n.Plan, n.KnownFacts()
	var lines []string
	line := func(what, format string, args ...any) {
		lines = append(lines, what+": "+fmt.Sprintf(format, args...))
	}
	if f.Running != n.System.Out {
		line("system", "%s -> %s", f.Running, n.System.Out)
	} else {
		line("system", "%s, which runs", n.System.Out)
	}
	if f.Profile != n.System.Out {
		line("default at boot", "generation %d, %s -> a new generation", f.Generation, f.Profile)
	}
	if d.Known() {
		for _, part := range []struct {
			what    string
			changes []closure.Change
		}{
			{"added", d.Difference.Added}, {"removed", d.Difference.Removed},
			{"upgraded", d.Difference.Upgraded}, {"downgraded", d.Difference.Downgraded},
		} {
			for _, c := range part.changes {
				line(part.what, "%s", spellChange(c))
			}
		}
		if len(d.Difference.Rebuilt) > 0 {
			line("rebuilt", "%s", strings.Join(d.Difference.Rebuilt, ", "))
		}
		line("on disk", "%s -> %s", size(d.Survey.Running.Size()), size(d.Survey.New.Size()))
		line("to copy", "%s, %s", size(d.CopyBytes), Count(d.CopyPaths, "store path", "missing there"))
	}
	for _, name := range d.Keys {
		line("key to write", "%s", name)
	}
	for _, path := range d.GoneKeys {
		line("key to remove", "%s", path)
	}
	for _, why := range d.Reboot {
		line("reboot needed", "%s", why)
	}
	for _, what := range leftOut(n, pushed) {
		line("left out", "%s", what)
	}
	return lines
}

func spellChange(c closure.Change) string {
	text := c.Name
	if was := spellVersions(c.Old); was != "" {
		text += " " + was
		if len(c.New) > 0 {
			text += " ->"
		}
	}
	if is := spellVersions(c.New); is != "" {
		text += " " + is
	}
	return text
}

// spellVersions lists versions; where there are several, one may be none.
func spellVersions(of []string) string {
	var all []string
	for _, v := range of {
		if v == "" && len(of) > 1 {
			v = "(none)"
		}
		all = append(all, v)
	}
	return strings.Join(all, ", ")
}

// growth is a size with its sign.
func growth(bytes int64) string {
	if bytes < 0 {
		return "-" + size(-bytes)
	}
	return "+" + size(bytes)
}

// size renders a number of bytes in at most three digits and a unit.
func size(bytes int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	n, unit := float64(bytes), 0
	for n >= 999.5 && unit < len(units)-1 {
		n, unit = n/1024, unit+1
	}
	if unit == 0 || n >= 9.95 {
		return fmt.Sprintf("%.0f %s", n, units[unit])
	}
	return fmt.Sprintf("%.1f %s", n, units[unit])
}
