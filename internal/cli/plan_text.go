package cli

import (
	"fmt"
	"strings"

	"flakeops/activate/closure"
)

// summary is what a deployment would change on a node's host, in one line.
func (p *pipeline) summary(n *node) string {
	d := n.plan
	var parts []string
	if under := n.facts.UnderWay(); under != "" {
		parts = append(parts, under)
	}
	switch {
	case n.facts.Running == n.system.Out:
		if n.facts.Profile != n.system.Out {
			parts = append(parts, "runs, but is not the default at boot yet")
		}
	case d.known():
		parts = append(parts, packagesNote(d.difference), growth(d.grows())+" on disk", size(d.copyBytes)+" to copy")
	default:
		parts = append(parts, "another system, not built: run `flakeops build` for the package difference")
	}
	if len(d.keys) > 0 {
		parts = append(parts, count(len(d.keys), "key", "to write"))
	}
	if len(d.goneKeys) > 0 {
		parts = append(parts, count(len(d.goneKeys), "key", "to remove"))
	}
	if len(d.reboot) > 0 {
		parts = append(parts, "reboot needed: "+strings.Join(d.reboot, ", "))
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

// details are the lines about a node that -v asks for.
func (p *pipeline) details(n *node) []string {
	d := n.plan
	var lines []string
	line := func(what, format string, args ...any) {
		lines = append(lines, what+": "+fmt.Sprintf(format, args...))
	}
	if n.facts.Running != n.system.Out {
		line("system", "%s -> %s", n.facts.Running, n.system.Out)
	} else {
		line("system", "%s, which runs", n.system.Out)
	}
	if n.facts.Profile != n.system.Out {
		line("default at boot", "generation %d, %s -> a new generation", n.facts.Generation, n.facts.Profile)
	}
	if d.known() {
		for _, part := range []struct {
			what    string
			changes []closure.Change
		}{
			{"added", d.difference.Added}, {"removed", d.difference.Removed},
			{"upgraded", d.difference.Upgraded}, {"downgraded", d.difference.Downgraded},
		} {
			for _, c := range part.changes {
				line(part.what, "%s", spellChange(c))
			}
		}
		if len(d.difference.Rebuilt) > 0 {
			line("rebuilt", "%s", strings.Join(d.difference.Rebuilt, ", "))
		}
		line("on disk", "%s -> %s", size(d.survey.Running.Size()), size(d.survey.New.Size()))
		line("to copy", "%s, %s", size(d.copyBytes), count(d.copyPaths, "store path", "missing there"))
	}
	for _, name := range d.keys {
		line("key to write", "%s", name)
	}
	for _, path := range d.goneKeys {
		line("key to remove", "%s", path)
	}
	for _, why := range d.reboot {
		line("reboot needed", "%s", why)
	}
	for _, what := range d.leftOut {
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
