package cli

import (
	"strings"

	"flakeops/activate/wire"
	"flakeops/internal/ui"
)

// runDocument is the answer of deploy, push and build with --json.
type runDocument struct {
	Version  int            `json:"version"`
	Flake    wire.Flake     `json:"flake"`
	Nodes    []nodeDocument `json:"nodes"`
	ExitCode int            `json:"exitCode"`
}

// nodeDocument is how one node ended.
type nodeDocument struct {
	Node       string   `json:"node"`
	Host       string   `json:"host,omitempty"`
	Outcome    string   `json:"outcome"`
	Note       string   `json:"note,omitempty"`
	Error      string   `json:"error,omitempty"`
	ExitCode   int      `json:"exitCode"`
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

// report writes the run's results.
func (p *pipeline) report(u *ui.UI, code int) error {
	doc := runDocument{Version: documentVersion, Flake: p.flake, ExitCode: code, Nodes: []nodeDocument{}}
	for _, n := range p.nodes {
		doc.Nodes = append(doc.Nodes, n.document())
	}
	if err := u.JSON(doc); err != nil {
		return err
	}
	if p.through == throughBuild {
		return p.printPaths(u)
	}
	for _, n := range p.nodes {
		if err := n.printDry(u); err != nil {
			return err
		}
	}
	return u.Table([]string{"NODE", "HOST", "OUTCOME", "NOTE"}, p.rows())
}

// printPaths is what build answers. Failures are on stderr already.
func (p *pipeline) printPaths(u *ui.UI) error {
	for _, n := range p.nodes {
		if n.ended().outcome == outcomeBuilt {
			if err := u.Print(n.system.Out); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *pipeline) rows() [][]string {
	var rows [][]string
	for _, n := range p.nodes {
		r := n.ended()
		rows = append(rows, []string{n.name, n.address(), r.outcome, firstLine(r.note)})
	}
	return rows
}

// printDry prints a dry activation under the node's name.
func (n *node) printDry(u *ui.UI) error {
	if n.ended().outcome != outcomeDry {
		return nil
	}
	if err := u.Print(n.name + ":"); err != nil {
		return err
	}
	for _, line := range n.dry {
		if err := u.Print("  " + line); err != nil {
			return err
		}
	}
	return u.Print("")
}

func (n *node) document() nodeDocument {
	r := n.ended()
	d := nodeDocument{
		Node: n.name, Outcome: r.outcome, Note: r.note, ExitCode: r.code,
		Derivation: n.system.Drv, System: n.system.Out,
		Deployment: n.id, TakeBack: n.backID, Old: n.old, Units: n.final.Units, Reboot: n.final.Reboot,
		Seconds: n.seconds, Output: n.dry,
	}
	if r.err != nil {
		d.Note, d.Error = "", r.err.Error()
	}
	if n.address() != "-" {
		d.Host = n.address()
	}
	return d
}

// firstLine is what of a text fits a table; the rest was told when it came.
func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
