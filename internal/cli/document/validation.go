package document

import (
	"strings"

	"flakeops/activate/wire"
	"flakeops/flake"
	"flakeops/internal/fault"
	"flakeops/internal/run"
	"flakeops/internal/ui"
)

// Validation is the answer of validate --json.
type Validation struct {
	Version  int             `json:"version"`
	Flake    wire.Flake      `json:"flake"`
	Nodes    []validatedNode `json:"nodes"`
	ExitCode int             `json:"exitCode"`
}

// validatedNode is what is wrong with a node.
type validatedNode struct {
	Node     string   `json:"node"`
	Valid    bool     `json:"valid"`
	Problems []string `json:"problems"`
	Runs     []runs   `json:"runs"`            // what a deployment would run on the operator's machine
	Error    string   `json:"error,omitempty"` // why its settings cannot be evaluated

	cause string // Error, without advice
}

// runs is a setting that has the operator's machine run something.
type runs struct {
	Option  string   `json:"option"`
	Command []string `json:"command"` // argv, or one option of ssh
}

// OfValidation tells of what was found.
func OfValidation(from wire.Flake, found []flake.Validation, code int) Validation {
	doc := Validation{Version: Version, Flake: from, ExitCode: code}
	for _, v := range found {
		doc.Nodes = append(doc.Nodes, validated(v))
	}
	return doc
}

func validated(v flake.Validation) validatedNode {
	n := validatedNode{Node: v.Name, Valid: v.Err == nil && len(v.Problems) == 0, Problems: []string{}, Runs: []runs{}}
	for _, r := range v.Runs {
		n.Runs = append(n.Runs, runs{r.Option, r.Command})
	}
	n.Problems = append(n.Problems, v.Problems...)
	if v.Err != nil {
		n.Error, n.cause = fault.Text(v.Err), fault.Cause(v.Err)
	}
	return n
}

// Write answers with one line for each problem, and for each node without one.
func (d Validation) Write(u *ui.UI) error {
	if err := u.JSON(d); err != nil {
		return err
	}
	for _, n := range d.Nodes {
		for _, line := range n.lines() {
			if err := u.Print(line); err != nil {
				return err
			}
		}
	}
	return nil
}

func (n validatedNode) lines() []string {
	var lines []string
	if n.Valid {
		lines = append(lines, n.Node+": valid")
	}
	for _, p := range n.Problems {
		lines = append(lines, n.Node+": "+p)
	}
	if n.Error != "" {
		lines = append(lines, strings.Split(n.Node+": evaluation failed: "+n.cause, "\n")...)
	}
	for _, r := range n.Runs {
		lines = append(lines, n.Node+": runs on this machine: "+r.Option+": "+r.line())
	}
	return lines
}

// line is the command as it would be typed; an option of ssh is as it is.
func (r runs) line() string {
	if len(r.Command) == 1 {
		return r.Command[0]
	}
	return run.Quote(r.Command)
}

// Summary is the answer on the page of a CI job.
func (d Validation) Summary(verb string) ui.Summary {
	out := ui.Summary{Verb: verb, Code: d.ExitCode, Header: []string{"NODE", "PROBLEM"}}
	for _, n := range d.Nodes {
		if n.Valid {
			out.Rows = append(out.Rows, []string{n.Node, "none"})
		}
		for _, p := range n.Problems {
			out.Rows = append(out.Rows, []string{n.Node, p})
		}
		if n.Error != "" {
			out.Rows = append(out.Rows, []string{n.Node, "its settings cannot be evaluated"})
			out.Errors = append(out.Errors, n.Error)
		}
	}
	return out
}
