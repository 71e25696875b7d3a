package document

import (
	"cmp"
	"strings"

	"flakeops/activate/wire"
	"flakeops/internal/fault"
	"flakeops/internal/fleet"
	"flakeops/internal/ui"
)

// taken is the answer of deploy, push and build with --json.
type taken struct {
	Version  int        `json:"version"`
	Flake    wire.Flake `json:"flake"`
	Nodes    []Node     `json:"nodes"`
	ExitCode int        `json:"exitCode"`
}

// Node is how one node ended.
type Node struct {
	endedNode
	Note       string   `json:"note,omitempty"`
	Derivation string   `json:"derivation,omitempty"`
	System     string   `json:"system,omitempty"` // store path, built or not
	Deployment string   `json:"deployment,omitempty"`
	TakeBack   string   `json:"takeBack,omitempty"` // deployment that took the node back, or was to
	Old        string   `json:"old,omitempty"`      // system that ran before this run
	Units      []string `json:"units,omitempty"`
	Reboot     bool     `json:"reboot,omitempty"`
	Seconds    float64  `json:"seconds,omitempty"` // that the activation took
	Output     []string `json:"output,omitempty"`  // of a dry activation
}

// takenOf tells of the run.
func takenOf(r *fleet.Run, code int) taken {
	doc := taken{Version: Version, Flake: r.Flake, ExitCode: code, Nodes: []Node{}}
	for _, n := range r.Nodes {
		doc.Nodes = append(doc.Nodes, OfNode(n))
	}
	return doc
}

// OfNode tells how a node ended.
func OfNode(n *fleet.Node) Node {
	r, a := n.Result(), n.Activation
	d := Node{
		endedNode: endedOf(n), Note: r.Note,
		Derivation: n.System.Drv, System: n.System.Out,
		Deployment: a.ID, TakeBack: a.BackID, Old: a.Old, Units: n.Units, Reboot: a.Final.Reboot,
		Seconds: a.Seconds, Output: n.Dry,
	}
	if d.Error != "" {
		d.Note = ""
	}
	return d
}

// WriteTaken writes the results of a run in which nodes were taken to their hosts.
func WriteTaken(u *ui.UI, r *fleet.Run, code int) error {
	if err := u.JSON(takenOf(r, code)); err != nil {
		return err
	}
	for _, n := range r.Nodes {
		if n.Result().Outcome != fleet.DryActivated {
			continue
		}
		if err := printUnder(u, n.Name, n.Dry); err != nil {
			return err
		}
	}
	return u.Table([]string{"NODE", "HOST", "OUTCOME", "NOTE"}, rows(r))
}

// rows are one for each node. Of a note the first line fits; the rest was told when
// it came.
func rows(r *fleet.Run) [][]string {
	var rows [][]string
	for _, n := range r.Nodes {
		line, _, _ := strings.Cut(strings.TrimSpace(n.Result().Note), "\n")
		rows = append(rows, row(n, line))
	}
	return rows
}

func row(n *fleet.Node, note string) []string {
	return []string{n.Name, cmp.Or(n.Address(), "-"), string(n.Result().Outcome), note}
}

// printUnder prints lines under a node's name.
func printUnder(u *ui.UI, node string, lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	if err := u.Print(node + ":"); err != nil {
		return err
	}
	for _, line := range lines {
		if err := u.Print("  " + line); err != nil {
			return err
		}
	}
	return u.Print("")
}

// WriteBuilt prints the store paths that were built. Failures are on stderr already.
func WriteBuilt(u *ui.UI, r *fleet.Run, code int) error {
	if err := u.JSON(takenOf(r, code)); err != nil {
		return err
	}
	for _, n := range r.Nodes {
		if n.Result().Outcome == fleet.Built {
			if err := u.Print(n.System.Out); err != nil {
				return err
			}
		}
	}
	return nil
}

// Summary is a run of a verb on the page of a CI job.
func Summary(verb string, r *fleet.Run, code int) ui.Summary {
	sum := ui.Summary{Verb: verb, Code: code, Header: []string{"NODE", "HOST", "OUTCOME", "NOTE"}, Rows: rows(r)}
	for _, n := range r.Nodes {
		if err := n.Result().Err; err != nil {
			sum.Errors = append(sum.Errors, n.Name+": "+fault.WithHint(fault.Cause(err), fault.Hint(err)))
		}
	}
	return sum
}
