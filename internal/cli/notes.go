package cli

import (
	"slices"
	"strings"

	"flakeops/activate/wire"
	"flakeops/internal/cli/document"
	"flakeops/internal/fleet"
)

// notes joins what there is to say about a node.
func notes(of ...string) string {
	return strings.Join(slices.DeleteFunc(of, func(s string) bool { return s == "" }), "; ")
}

func rebootNote(e wire.Event) string {
	if e.Reboot {
		return "the new system wants a reboot"
	}
	return ""
}

// keysNote says in a few words what became of a node's keys.
func keysNote(n *fleet.Node) string {
	var parts []string
	if len(n.Keys.Changed) > 0 {
		parts = append(parts, document.Count(len(n.Keys.Changed), "key", "changed"))
	}
	if len(n.Keys.Removed) > 0 {
		parts = append(parts, document.Count(len(n.Keys.Removed), "key", "removed"))
	}
	return strings.Join(parts, ", ")
}
