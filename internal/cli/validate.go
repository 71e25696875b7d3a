package cli

import (
	"context"
	"strings"

	"flakeops/activate/wire"
	"flakeops/flake"
	"flakeops/internal/fault"
	"flakeops/internal/fleet"
	"flakeops/internal/run"
	"flakeops/internal/ui"
)

type validateCmd struct {
	selection `embed:""`
	nixFlags  `embed:""`
	answer    `embed:""`
}

// Help is the verb's detailed help.
func (validateCmd) Help() string {
	return `Says of each selected node what is wrong with its settings: options that do not exist, values that cannot be, host names that are none, addresses that two nodes share, keys without a source or with two, key files that are in the store. It also lists what the settings would run on this machine: commands of keys, and of ssh's options. It evaluates no system, reads no key and connects to no host. A flake whose checks are those of flakeops.lib.checks has the same done by nix flake check.

The exit status is 1 when something is wrong, and 2 when a node's settings cannot be evaluated.`
}

// validateDocument is the answer of validate --json.
type validateDocument struct {
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

// Run validates.
func (c validateCmd) Run(ctx context.Context, s *session) error {
	u, log := s.open(c.form())
	defer u.Close()
	fl, err := openFleet(ctx, c.selection, c.nix(log), u)
	if err != nil {
		u.Close()
		return s.refuse(u, err)
	}
	u.Status(fl.Flake.Ref, "checking settings")
	found, err := fl.Validate(ctx)
	u.Forget(fl.Flake.Ref)
	if err == nil {
		err = tellValidation(ctx, fl, u, found)
	}
	u.Close()
	if err != nil {
		return s.refuse(u, err)
	}
	code := verdict(found)
	doc := validateDocument{Version: documentVersion, Flake: fl.Origin(), ExitCode: code}
	for _, v := range found {
		doc.Nodes = append(doc.Nodes, validated(v))
	}
	u.Summarise(doc.summary(s.verb))
	return ending(code, doc.print(u))
}

// tellValidation says of the nodes what is no problem of theirs.
func tellValidation(ctx context.Context, fl *fleet.Fleet, u *ui.UI, found []flake.Validation) error {
	var unset []string
	for _, v := range found {
		for _, line := range v.Said {
			u.Line(v.Name, line)
		}
		if v.Err != nil {
			u.Remember(fault.Hint(v.Err))
		} else if !v.Addressed {
			unset = append(unset, v.Name)
		}
	}
	return warnOfAddresses(ctx, fl, u, unset)
}

// verdict is the exit code of the worst node.
func verdict(found []flake.Validation) int {
	code := ExitDone
	for _, v := range found {
		switch {
		case v.Err != nil:
			code = worse(code, exitEvaluation)
		case len(v.Problems) > 0:
			code = worse(code, exitOther)
		}
	}
	return code
}

func validated(v flake.Validation) validatedNode {
	n := validatedNode{Node: v.Name, Valid: v.Err == nil && len(v.Problems) == 0, Problems: []string{}, Runs: []runs{}}
	for _, r := range v.Runs {
		n.Runs = append(n.Runs, runs{r.Option, r.Command})
	}
	n.Problems = append(n.Problems, v.Problems...)
	if v.Err != nil {
		n.Error, n.cause = v.Err.Error(), fault.Cause(v.Err)
	}
	return n
}

// print answers with one line for each problem, and for each node without one.
func (d validateDocument) print(u *ui.UI) error {
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
		lines = append(lines, strings.Split("error: "+n.cause, "\n")...)
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

func (d validateDocument) summary(verb string) ui.Summary {
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
