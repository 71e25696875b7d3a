package document

import (
	"cmp"
	"strconv"
	"strings"

	"flakeops/activate/inspect"
	"flakeops/internal/fleet"
	"flakeops/internal/ui"
)

// generations is the answer of list-generations with --json.
type generations struct {
	Version  int               `json:"version"`
	Nodes    []nodeGenerations `json:"nodes"`
	ExitCode int               `json:"exitCode"`
}

// nodeGenerations are those of one host.
type nodeGenerations struct {
	endedNode
	Generations []inspect.Generation `json:"generations"` // newest first
}

// WriteGenerations tells of the generations of hosts, by node.
func WriteGenerations(u *ui.UI, r *fleet.Run, told map[string][]inspect.Generation, code int) error {
	doc := generations{Version: Version, ExitCode: code, Nodes: []nodeGenerations{}}
	var rows [][]string
	for _, n := range r.Nodes {
		doc.Nodes = append(doc.Nodes, nodeGenerations{endedOf(n), append([]inspect.Generation{}, told[n.Name]...)})
		for _, g := range told[n.Name] {
			rows = append(rows, []string{
				n.Name, strconv.Itoa(g.Number), g.Made.UTC().Format(minutes), cmp.Or(g.NixOS, "-"), cmp.Or(g.Kernel, "-"), generationNote(g),
			})
		}
	}
	if err := u.JSON(doc); err != nil {
		return err
	}
	return u.Table([]string{"NODE", "GEN", "MADE", "VERSION", "KERNEL", "NOTE"}, rows)
}

// generationNote is what else there is to say of a generation.
func generationNote(g inspect.Generation) string {
	var parts []string
	for _, part := range []struct {
		is   bool
		text string
	}{{g.Current, "current"}, {g.Booted, "booted"}, {g.Gone, "gone"}, {g.Configuration != "", short(g.Configuration)}} {
		if part.is {
			parts = append(parts, part.text)
		}
	}
	if len(g.Specialisations) > 0 {
		parts = append(parts, "specialisations "+strings.Join(g.Specialisations, " "))
	}
	return strings.Join(parts, ", ")
}
