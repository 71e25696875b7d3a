package cli

import (
	"context"

	"flakeops/flake"
	"flakeops/internal/cli/document"
	"flakeops/internal/cli/exit"
	"flakeops/internal/deployer"
	"flakeops/internal/fault"
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
	doc := document.OfValidation(fl.Origin(), found, code)
	u.Summarise(doc.Summary(s.verb))
	return exit.With(code, doc.Write(u))
}

// tellValidation says of the nodes what is no problem of theirs.
func tellValidation(ctx context.Context, fl *deployer.Fleet, u *ui.UI, found []flake.Validation) error {
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
	code := exit.Done
	for _, v := range found {
		switch {
		case v.Err != nil:
			code = exit.Worse(code, exit.Evaluation)
		case len(v.Problems) > 0:
			code = exit.Worse(code, exit.Other)
		}
	}
	return code
}
