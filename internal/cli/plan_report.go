package cli

import (
	"strings"

	"flakeops/activate/closure"
	"flakeops/activate/wire"
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
	Outcome     string              `json:"outcome"`
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

// planReport tells of a plan, with or without details.
func planReport(details bool) func(p *pipeline, u *ui.UI, code int) error {
	return func(p *pipeline, u *ui.UI, code int) error {
		doc := planDocument{Version: documentVersion, Flake: p.flake, ExitCode: code, Nodes: []plannedNode{}}
		for _, n := range p.nodes {
			doc.Nodes = append(doc.Nodes, n.planDocument())
		}
		if err := u.JSON(doc); err != nil {
			return err
		}
		for _, n := range p.nodes {
			if err := p.printPlan(u, n, details); err != nil {
				return err
			}
		}
		if err := u.Table([]string{"NODE", "HOST", "PLAN", "SUMMARY"}, p.planRows()); err != nil {
			return err
		}
		return p.printLeftOut(u)
	}
}

// printLeftOut says once for all nodes what could not be told.
func (p *pipeline) printLeftOut(u *ui.UI) error {
	var texts []string
	nodes := map[string][]string{}
	for _, n := range p.nodes {
		if n.plan == nil || n.ended().err != nil {
			continue
		}
		for _, text := range n.plan.leftOut {
			if nodes[text] == nil {
				texts = append(texts, text)
			}
			nodes[text] = append(nodes[text], n.name)
		}
	}
	for _, text := range texts {
		if err := u.Print("left out: " + text + " (" + strings.Join(nodes[text], ", ") + ")"); err != nil {
			return err
		}
	}
	return nil
}

// planRows is the table of a plan: one line per node, with all there is to say.
func (p *pipeline) planRows() [][]string {
	var rows [][]string
	for _, n := range p.nodes {
		r := n.ended()
		rows = append(rows, []string{n.name, n.address(), r.outcome, r.note})
	}
	return rows
}

// printPlan prints what there is to say about one node beside its line.
func (p *pipeline) printPlan(u *ui.UI, n *node, details bool) error {
	var lines []string
	if details && n.plan != nil && n.ended().err == nil {
		lines = p.details(n)
	}
	for _, l := range n.dry {
		lines = append(lines, "| "+l)
	}
	if len(lines) == 0 {
		return nil
	}
	for _, l := range append([]string{n.name + ":"}, lines...) {
		if l != n.name+":" {
			l = "  " + l
		}
		if err := u.Print(l); err != nil {
			return err
		}
	}
	return u.Print("")
}

func (n *node) planDocument() plannedNode {
	r := n.ended()
	doc := plannedNode{
		Node: n.name, Outcome: r.outcome, Summary: r.note, ExitCode: r.code,
		System: n.system.Out, Running: n.facts.Running, Activation: n.dry, UnderWay: n.facts.UnderWay(),
	}
	if r.err != nil {
		doc.Summary, doc.Error = "", r.err.Error()
	}
	if n.address() != "-" {
		doc.Host = n.address()
	}
	d := n.plan
	if d == nil {
		return doc
	}
	doc.BootDefault = &plannedBoot{System: n.facts.Profile, Generation: n.facts.Generation, Changes: n.facts.Profile != n.system.Out}
	doc.Reboot, doc.LeftOut = d.reboot, d.leftOut
	if d.known() {
		doc.Packages = &d.difference
		doc.Size = &plannedSize{Running: d.survey.Running.Size(), New: d.survey.New.Size(), Copy: d.copyBytes, CopyPaths: d.copyPaths}
	}
	if len(d.keys)+len(d.goneKeys) > 0 {
		doc.Keys = &plannedKeys{Write: d.keys, Remove: d.goneKeys}
	}
	return doc
}
