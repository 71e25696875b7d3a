package document

import (
	"strings"

	"flakeops/activate/closure"
	"flakeops/activate/wire"
	"flakeops/internal/fleet"
	"flakeops/internal/ui"
)

// planDocument is the answer of plan with --json.
type planDocument struct {
	Version  int           `json:"version"`
	Flake    wire.Flake    `json:"flake"`
	Nodes    []plannedNode `json:"nodes"`
	ExitCode int           `json:"exitCode"`
}

// plannedNode is what a deployment would change on one host.
type plannedNode struct {
	endedNode
	Summary     string              `json:"summary,omitempty"`
	System      string              `json:"system,omitempty"`  // the new one
	Running     string              `json:"running,omitempty"` // system
	BootDefault *plannedBoot        `json:"bootDefault,omitempty"`
	Packages    *closure.Difference `json:"packages,omitempty"` // absent when the new system is not known
	Size        *plannedSize        `json:"size,omitempty"`     // the same
	Keys        *plannedKeys        `json:"keys,omitempty"`
	Reboot      []string            `json:"reboot,omitempty"`     // why one is needed
	Activation  []string            `json:"activation,omitempty"` // what a dry activation printed
	UnderWay    string              `json:"underWay,omitempty"`   // deployment that the host is not done with
	LeftOut     []string            `json:"leftOut,omitempty"`    // what could not be told, and why
}

// plannedBoot is what the host boots now, and whether that changes.
type plannedBoot struct {
	System     string `json:"system"`
	Generation int    `json:"generation"`
	Changes    bool   `json:"changes"`
}

// plannedSize is in bytes.
type plannedSize struct {
	Running   int64 `json:"running"`
	New       int64 `json:"new"`
	Copy      int64 `json:"copy"`
	CopyPaths int   `json:"copyPaths"`
}

type plannedKeys struct {
	Write  []string `json:"write,omitempty"`  // names
	Remove []string `json:"remove,omitempty"` // paths on the host
}

// Plan is how a plan is told.
type Plan struct {
	Pushed  bool // the systems were built and copied first
	Details bool // are told of, a line each
}

// Write tells of a plan.
func (p Plan) Write(u *ui.UI, r *fleet.Run, code int) error {
	doc := planDocument{Version: Version, Flake: r.Flake, ExitCode: code, Nodes: []plannedNode{}}
	for _, n := range r.Nodes {
		doc.Nodes = append(doc.Nodes, p.planned(n))
	}
	if err := u.JSON(doc); err != nil {
		return err
	}
	for _, n := range r.Nodes {
		if err := p.print(u, n); err != nil {
			return err
		}
	}
	var rows [][]string
	for _, n := range r.Nodes {
		rows = append(rows, row(n, n.Result().Note))
	}
	if err := u.Table([]string{"NODE", "HOST", "PLAN", "SUMMARY"}, rows); err != nil {
		return err
	}
	return p.printLeftOut(r, u)
}

// printLeftOut says once for all nodes what could not be told.
func (p Plan) printLeftOut(r *fleet.Run, u *ui.UI) error {
	var texts []string
	nodes := map[string][]string{}
	for _, n := range r.Nodes {
		for _, text := range leftOut(n, p.Pushed) {
			if nodes[text] == nil {
				texts = append(texts, text)
			}
			nodes[text] = append(nodes[text], n.Name)
		}
	}
	for _, text := range texts {
		if err := u.Print("left out: " + text + " (" + strings.Join(nodes[text], ", ") + ")"); err != nil {
			return err
		}
	}
	return nil
}

// print tells what there is to say about one node beside its line.
func (p Plan) print(u *ui.UI, n *fleet.Node) error {
	var lines []string
	if p.Details && n.Plan != nil && n.Result().Err == nil {
		lines = planDetails(n, p.Pushed)
	}
	for _, l := range n.Dry {
		lines = append(lines, "| "+l)
	}
	return printUnder(u, n.Name, lines)
}

func (p Plan) planned(n *fleet.Node) plannedNode {
	r, f := n.Result(), n.KnownFacts()
	doc := plannedNode{
		endedNode: endedOf(n), Summary: r.Note,
		System: n.System.Out, Running: f.Running, Activation: n.Dry, UnderWay: f.UnderWay(),
	}
	if doc.Error != "" {
		doc.Summary = ""
	}
	d := n.Plan
	if d == nil {
		return doc
	}
	doc.BootDefault = &plannedBoot{System: f.Profile, Generation: f.Generation, Changes: f.Profile != n.System.Out}
	doc.Reboot, doc.LeftOut = d.Reboot, leftOut(n, p.Pushed)
	if d.Known() {
		doc.Packages = &d.Difference
		doc.Size = &plannedSize{Running: d.Survey.Running.Size(), New: d.Survey.New.Size(), Copy: d.CopyBytes, CopyPaths: d.CopyPaths}
	}
	if len(d.Keys)+len(d.GoneKeys) > 0 {
		doc.Keys = &plannedKeys{Write: d.Keys, Remove: d.GoneKeys}
	}
	return doc
}

// leftOut is what could not be told of a node, and why.
func leftOut(n *fleet.Node, pushed bool) []string {
	if n.Plan == nil || n.Result().Err != nil {
		return nil
	}
	var texts []string
	if unknown := n.Plan.UnknownKeys; unknown > 0 {
		texts = append(texts, "whether "+Count(unknown, "key", "changed")+": the agent that compares them is not on the host (--push brings it)")
	}
	if !n.Plan.Known() {
		texts = append(texts, "packages, sizes and reboot: not built, run `flakeops build` for the package difference")
	}
	if !pushed && n.KnownFacts().Running != n.System.Out {
		texts = append(texts, "units that stop and start: not asked without --push")
	}
	return texts
}
