package cli

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
	Node        string              `json:"node"`
	Host        string              `json:"host,omitempty"`
	Outcome     fleet.Outcome       `json:"outcome"`
	Summary     string              `json:"summary,omitempty"`
	Error       string              `json:"error,omitempty"`
	ExitCode    int                 `json:"exitCode"`
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

// report tells of a plan, with or without details.
func (c planCmd) report(r *fleet.Run, u *ui.UI, code int) error {
	doc := planDocument{Version: documentVersion, Flake: r.Flake, ExitCode: code, Nodes: []plannedNode{}}
	for _, n := range r.Nodes {
		doc.Nodes = append(doc.Nodes, c.planned(n))
	}
	if err := u.JSON(doc); err != nil {
		return err
	}
	for _, n := range r.Nodes {
		if err := c.print(u, n); err != nil {
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
	return c.printLeftOut(r, u)
}

// printLeftOut says once for all nodes what could not be told.
func (c planCmd) printLeftOut(r *fleet.Run, u *ui.UI) error {
	var texts []string
	nodes := map[string][]string{}
	for _, n := range r.Nodes {
		for _, text := range c.leftOut(n) {
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
func (c planCmd) print(u *ui.UI, n *fleet.Node) error {
	var lines []string
	if c.details && n.Plan != nil && n.Result().Err == nil {
		lines = c.planDetails(n)
	}
	for _, l := range n.Dry {
		lines = append(lines, "| "+l)
	}
	return printUnder(u, n.Name, lines)
}

func (c planCmd) planned(n *fleet.Node) plannedNode {
	r, f := n.Result(), n.KnownFacts()
	doc := plannedNode{
		Node: n.Name, Host: n.Address(), Outcome: r.Outcome, Summary: r.Note, ExitCode: codeOf(r),
		System: n.System.Out, Running: f.Running, Activation: n.Dry, UnderWay: f.UnderWay(),
	}
	if r.Err != nil {
		doc.Summary, doc.Error = "", r.Err.Error()
	}
	p := n.Plan
	if p == nil {
		return doc
	}
	doc.BootDefault = &plannedBoot{System: f.Profile, Generation: f.Generation, Changes: f.Profile != n.System.Out}
	doc.Reboot, doc.LeftOut = p.Reboot, c.leftOut(n)
	if p.Known() {
		doc.Packages = &p.Difference
		doc.Size = &plannedSize{Running: p.Survey.Running.Size(), New: p.Survey.New.Size(), Copy: p.CopyBytes, CopyPaths: p.CopyPaths}
	}
	if len(p.Keys)+len(p.GoneKeys) > 0 {
		doc.Keys = &plannedKeys{Write: p.Keys, Remove: p.GoneKeys}
	}
	return doc
}
