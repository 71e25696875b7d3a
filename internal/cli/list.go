package cli

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"flakeops/activate/wire"
	"flakeops/flake"
	"flakeops/internal/fault"
	"flakeops/internal/fleet"
	"flakeops/internal/ui"
)

type listCmd struct {
	selection `embed:""`
	nixFlags  `embed:""`
	answer    `embed:""`
}

// Help is the verb's detailed help.
func (listCmd) Help() string {
	return "Evaluates the selected nodes and prints what deploy would use. A node that cannot be evaluated is named on stderr, and the others are listed."
}

// listDocument is the answer of list --json.
type listDocument struct {
	Version int          `json:"version"`
	Flake   wire.Flake   `json:"flake"`
	Nodes   []listedNode `json:"nodes"`
}

// listedNode is a node's settings, or why it cannot be evaluated.
type listedNode struct {
	Node       string          `json:"node"`
	Error      string          `json:"error,omitempty"`
	Kind       string          `json:"kind,omitempty"` // what it is instead of a machine
	Platform   string          `json:"platform,omitempty"`
	Derivation string          `json:"derivation,omitempty"`
	System     string          `json:"system,omitempty"`
	Deployment *listedSettings `json:"deployment,omitempty"`
}

// listedSettings are the options under deployment, by their own names.
type listedSettings struct {
	TargetHost                 *string  `json:"targetHost"`
	AlternateHosts             []string `json:"alternateHosts"`
	TargetPort                 *int     `json:"targetPort"`
	TargetUser                 *string  `json:"targetUser"`
	SSHOptions                 []string `json:"sshOptions"`
	PrivilegeEscalationCommand []string `json:"privilegeEscalationCommand"`
	Tags                       []string `json:"tags"`
	BuildOnTarget              bool     `json:"buildOnTarget"`
	SubstituteOnTarget         bool     `json:"substituteOnTarget"`
	MagicRollback              bool     `json:"magicRollback"`
	AutoRollback               bool     `json:"autoRollback"`
	RebootWhenStranded         bool     `json:"rebootWhenStranded"`
	ConfirmTimeout             int      `json:"confirmTimeout"`
	ActivationTimeout          int      `json:"activationTimeout"`
}

// Run lists.
func (c listCmd) Run(ctx context.Context, s *session) error {
	u, log := s.open(c.form())
	defer u.Close()
	fl, err := openFleet(ctx, c.selection, c.nix(log), u)
	if err != nil {
		u.Close()
		return s.refuse(u, err)
	}
	evaluations := map[string]flake.Evaluation{}
	code := ExitDone
	err = fl.Evaluate(ctx, func(e flake.Evaluation) {
		evaluations[e.Name] = e
		for _, line := range e.Said {
			u.Line(e.Name, line)
		}
		if e.Err != nil {
			code = exitEvaluation
		}
	})
	if err == nil {
		err = tellList(ctx, fl, u, evaluations)
	}
	u.Close()
	if err != nil {
		return s.refuse(u, err)
	}
	return ending(code, list(fl, u, evaluations))
}

// tellList says of the nodes what a list has no place for.
func tellList(ctx context.Context, fl *fleet.Fleet, u *ui.UI, evaluations map[string]flake.Evaluation) error {
	var unset []string
	for _, name := range slices.Sorted(maps.Keys(evaluations)) {
		e := evaluations[name]
		switch {
		case e.Err != nil:
			u.Event(fleet.Event{Node: name, Kind: fleet.Ended, Result: fleet.Failure(fault.During(fault.Evaluation, e.Err))})
		case !e.Settings.Addressed:
			unset = append(unset, name)
		}
	}
	return warnOfAddresses(ctx, fl, u, unset)
}

func list(fl *fleet.Fleet, u *ui.UI, evaluations map[string]flake.Evaluation) error {
	doc := listDocument{Version: documentVersion, Flake: fl.Origin(), Nodes: []listedNode{}}
	var rows [][]string
	for _, name := range slices.Sorted(maps.Keys(evaluations)) {
		e := evaluations[name]
		if e.Err != nil {
			doc.Nodes = append(doc.Nodes, listedNode{Node: name, Error: e.Err.Error()})
			continue
		}
		doc.Nodes = append(doc.Nodes, listed(e))
		rows = append(rows, listedRow(e))
	}
	if err := u.JSON(doc); err != nil {
		return err
	}
	return u.Table([]string{"NODE", "PLATFORM", "HOST", "USER", "TAGS"}, rows)
}

func listedRow(e flake.Evaluation) []string {
	host, user := "-", "-"
	if h := e.Settings.TargetHost; h != nil {
		host = *h
		if port := e.Settings.TargetPort; port != nil {
			host += ":" + strconv.Itoa(*port)
		}
	}
	if e.Settings.TargetUser != "" {
		user = e.Settings.TargetUser
	}
	return []string{e.Name, e.System.Platform, host, user, strings.Join(e.Settings.Tags, ",")}
}

func listed(e flake.Evaluation) listedNode {
	d := e.Settings
	settings := &listedSettings{
		TargetHost: d.TargetHost, AlternateHosts: d.AlternateHosts, TargetPort: d.TargetPort,
		SSHOptions: d.SSHOptions, PrivilegeEscalationCommand: d.PrivilegeEscalationCommand, Tags: d.Tags,
		BuildOnTarget: d.BuildOnTarget, SubstituteOnTarget: d.SubstituteOnTarget,
		MagicRollback: d.MagicRollback, AutoRollback: d.AutoRollback, RebootWhenStranded: d.RebootWhenStranded,
		ConfirmTimeout: d.ConfirmTimeout, ActivationTimeout: d.ActivationTimeout,
	}
	if d.TargetUser != "" {
		settings.TargetUser = &d.TargetUser
	}
	return listedNode{Node: e.Name, Kind: d.Kind, Platform: e.System.Platform, Derivation: e.System.Drv, System: e.System.Out, Deployment: settings}
}
