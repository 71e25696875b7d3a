package document

import (
	"strings"
	"time"

	"flakeops/activate/inspect"
	"flakeops/activate/wire"
	"flakeops/internal/fleet"
	"flakeops/internal/ui"
)

// history is the answer of history with --json.
type history struct {
	Version     int          `json:"version"`
	Deployments []deployment `json:"deployments"` // newest first
	Nodes       []endedNode  `json:"nodes"`
	ExitCode    int          `json:"exitCode"`
}

// deployment is one that a host has on record.
type deployment struct {
	Node     string       `json:"node"` // by its name now
	ID       string       `json:"id"`
	Begun    time.Time    `json:"begun"` // by the deployer's clock, of its run
	Ended    *time.Time   `json:"ended,omitempty"`
	Operator string       `json:"operator"`
	Flake    wire.Flake   `json:"flake"`
	Goal     wire.Goal    `json:"goal"`
	Old      string       `json:"old,omitempty"` // system that ran before
	New      string       `json:"new"`
	Outcome  wire.Outcome `json:"outcome,omitempty"` // absent where there is no end on record
	Message  string       `json:"message,omitempty"`
	Units    []string     `json:"units,omitempty"`
}

// WriteHistory tells of the deployments that hosts have on record.
func WriteHistory(u *ui.UI, r *fleet.Run, entries []inspect.Entry, code int) error {
	doc := history{Version: Version, ExitCode: code, Deployments: []deployment{}, Nodes: []endedNode{}}
	for _, n := range r.Nodes {
		doc.Nodes = append(doc.Nodes, endedOf(n))
	}
	var rows [][]string
	for _, e := range entries {
		d := deploymentOf(e.Host, e.Deployment)
		doc.Deployments = append(doc.Deployments, d)
		rows = append(rows, d.row())
	}
	if err := u.JSON(doc); err != nil {
		return err
	}
	return u.Table([]string{"WHEN", "NODE", "OUTCOME", "DEPLOYMENT", "NOTE"}, rows)
}

func deploymentOf(node string, of inspect.Deployment) deployment {
	d := deployment{
		Node: node, ID: of.ID, Begun: of.Begun().UTC(), Operator: of.Operator, Flake: of.Flake, Goal: of.Goal,
		Old: of.Old, New: of.New, Outcome: of.Outcome, Message: of.Message, Units: of.Units,
	}
	if of.Outcome != "" {
		at := of.Time.UTC()
		d.Ended = &at
	}
	return d
}

// spellEnd is what became of a deployment.
func (d deployment) spellEnd() string {
	if d.Outcome == "" {
		return "no end known"
	}
	return string(d.Outcome)
}

// minutes is how a point in time is shown, in UTC.
const minutes = "2006-01-02 15:04"

func (d deployment) row() []string {
	note := []string{"by " + d.Operator}
	if d.Goal != wire.Switch {
		note = append(note, string(d.Goal))
	}
	if d.Flake.Revision != "" {
		note = append(note, short(d.Flake.Revision))
	}
	if line, _, _ := strings.Cut(d.Message, "\n"); line != "" {
		note = append(note, line)
	}
	return []string{d.Begun.Format(minutes), d.Node, d.spellEnd(), d.ID, strings.Join(note, "; ")}
}
