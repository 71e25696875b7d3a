package cli

import (
	"context"
	"errors"

	"flakeops/flake"
	"flakeops/flake/nix"
	"flakeops/internal/cli/document"
	"flakeops/internal/cli/exit"
	"flakeops/internal/cli/usage"
	"flakeops/internal/deployer"
	"flakeops/internal/fault"
	"flakeops/internal/fleet"
	"flakeops/internal/ui"
)

// fleetFlags are the flags of the verbs that take nodes to their hosts.
type fleetFlags struct {
	selection
	pace
	reach
	nixFlags
	events
	part partition
}

// fleetVerb is a verb that takes nodes to their hosts.
type fleetVerb interface {
	// flags are those that such verbs have in common.
	flags() fleetFlags
	// options are what its own flags ask for.
	options() fleet.Options
	// steps does the verb's work. ask is nil where nobody can be asked.
	steps(ctx context.Context, r *fleet.Run, ask confirmer)
	// report tells the results.
	report(r *fleet.Run, u *ui.UI, code int) error
}

// confirmer asks the operator a question that is answered with yes or no.
type confirmer interface {
	Confirm(ctx context.Context, question string) (bool, error)
}

// optionsOf are what all of a verb's flags ask for.
func optionsOf(v fleetVerb) fleet.Options {
	o, flags := v.options(), v.flags()
	o.Parallel, o.KeepGoing, o.SkipUnreachable, o.AnyAddress = flags.Parallel, flags.KeepGoing, flags.SkipUnreachable, flags.From != ""
	return o
}

// take does a verb with the nodes that its flags select, and reports.
func (s *session) take(ctx context.Context, v fleetVerb) error {
	o, flags := optionsOf(v), v.flags()
	if flags.Parallel < 1 && !o.Local {
		return usage.Errorf("--parallel takes at least 1")
	}
	u, log := s.open(flags.form())
	defer u.Close()
	prompter := &ui.Prompter{UI: u}
	fl, err := openFleet(ctx, flags.selection, flags.nix(log), u)
	var r *fleet.Run
	if err == nil {
		names := flags.part.pick(fl.Names)
		if len(names)+len(fl.Unclear) == 0 {
			u.Message("this part has no nodes")
		}
		r, err = fl.Start(ctx, o, names, deployer.Operator{Prompt: prompter, Tell: u.Event, Log: log, GiveUp: givenUp(ctx)})
	}
	if err == nil {
		var ask confirmer
		if s.onTerminal() {
			ask = prompter
		}
		v.steps(ctx, r, ask)
		r.Finish(ctx)
		u.Advise()
	}
	u.Close()
	if err != nil {
		return s.refuse(u, err)
	}
	code := exit.Worst(ctx, r)
	if own, ok := v.(interface{ code(*fleet.Run) int }); ok && ctx.Err() == nil {
		code = own.code(r)
	}
	u.Summarise(document.Summary(s.verb, r, code))
	return exit.With(code, errors.Join(v.report(r, u, code), u.Over(code, err)))
}

// openFleet opens the flake and resolves the selection, and says so.
func openFleet(ctx context.Context, sel selection, nix *nix.Programs, u *ui.UI) (*deployer.Fleet, error) {
	ref, _, _ := flake.SplitRef(sel.Flake)
	u.Status(ref, "reading the flake")
	fl, err := deployer.Open(ctx, nix, sel.Flake, flake.Selection{On: sel.On, Exclude: sel.Exclude})
	if err != nil {
		return nil, err
	}
	u.Forget(ref)
	if fl.Flake.Dirty {
		u.Warn(fl.Flake.Ref + " has uncommitted changes, which count, too")
	}
	for _, line := range fl.Flake.Said {
		u.Line("nix", line)
	}
	return fl, nil
}

// warnOfAddresses says which of the nodes that are not addressed would be refused.
func warnOfAddresses(ctx context.Context, fl *deployer.Fleet, u *ui.UI, names []string) error {
	refused, err := fl.Unsaid(ctx, names)
	for _, name := range names {
		if why := refused[name]; why != nil {
			u.Remember(fault.Hint(why))
			u.Warn(name + ": " + fault.Cause(why))
		}
	}
	u.Advise()
	return err
}

// refuse answers for a verb that failed before there was a node to report on.
func (s *session) refuse(u *ui.UI, err error) error {
	code := exit.Of(err)
	u.Summarise(ui.Summary{Verb: s.verb, Code: code, Errors: []string{fault.Text(err)}})
	return errors.Join(err, document.WriteError(u, err, code), u.Over(code, nil))
}
