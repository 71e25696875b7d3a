package cli

import (
	"context"
	"maps"
	"slices"

	"flakeops/flake"
	"flakeops/internal/cli/document"
	"flakeops/internal/cli/exit"
	"flakeops/internal/deployer"
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
	code := exit.Done
	err = fl.Evaluate(ctx, func(e flake.Evaluation) {
		evaluations[e.Name] = e
		for _, line := range e.Said {
			u.Line(e.Name, line)
		}
		if e.Err != nil {
			code = exit.Evaluation
		}
	})
	if err == nil {
		err = tellList(ctx, fl, u, evaluations)
	}
	u.Close()
	if err != nil {
		return s.refuse(u, err)
	}
	return exit.With(code, document.WriteList(u, fl.Origin(), evaluations))
}

// tellList says of the nodes what a list has no place for.
func tellList(ctx context.Context, fl *deployer.Fleet, u *ui.UI, evaluations map[string]flake.Evaluation) error {
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
