package document

import (
	"cmp"
	"fmt"
	"time"

	"flakeops/activate/garbage"
	"flakeops/activate/inspect"
	"flakeops/internal/fleet"
	"flakeops/internal/ui"
)

// collected is the answer of gc with --json.
type collected struct {
	Version  int             `json:"version"`
	Nodes    []collectedNode `json:"nodes"`
	ExitCode int             `json:"exitCode"`
}

// collectedNode is what went from a host, or would go.
type collectedNode struct {
	endedNode
	Generations []inspect.Generation `json:"generations"` // that went, or would go
	Kept        int                  `json:"kept"`        // generations
	StorePaths  int                  `json:"storePaths"`  // that were deleted
	Freed       string               `json:"freed,omitempty"`
}

// WriteGarbage tells what gc did, or would do: plans and what was freed are by node.
func WriteGarbage(u *ui.UI, r *fleet.Run, plans map[string]garbage.Plan, freed map[string]garbage.Freed, code int) error {
	doc := collected{Version: Version, ExitCode: code, Nodes: []collectedNode{}}
	for _, n := range r.Nodes {
		plan, got := plans[n.Name], freed[n.Name]
		d := collectedNode{
			endedNode:   endedOf(n),
			Generations: append([]inspect.Generation{}, plan.Go...), Kept: plan.Kept, StorePaths: got.Paths, Freed: got.Size,
		}
		doc.Nodes = append(doc.Nodes, d)
	}
	if err := u.JSON(doc); err != nil {
		return err
	}
	for _, n := range r.Nodes {
		if n.Result().Outcome != fleet.WouldCollect {
			continue
		}
		var lines []string
		for _, g := range plans[n.Name].Go {
			lines = append(lines, generationLine(g))
		}
		if err := printUnder(u, n.Name, lines); err != nil {
			return err
		}
	}
	return u.Table([]string{"NODE", "HOST", "OUTCOME", "NOTE"}, rows(r))
}

func generationLine(g inspect.Generation) string {
	version := cmp.Or(g.NixOS, g.System)
	if g.Gone {
		version = "collected already"
	}
	return fmt.Sprintf("%d  %s  %s", g.Number, g.Made.UTC().Format(time.DateOnly), version)
}
