package flake

import (
	"context"
	"errors"
	"os/exec"
	"regexp"
	"runtime"
	"strings"

	"flakeops/flake/nix"
	"flakeops/internal/settings"
)

// Want is what Evaluate is to find out of each node.
type Want int

// What can be wanted.
const (
	WithSystem   Want = iota // settings and system
	SettingsOnly             // nothing of the system is evaluated, which may fail to be
)

// Evaluation is how the evaluation of one node ended: what was wanted, or Err.
type Evaluation struct {
	Name     string
	Settings settings.Settings
	System   System   // zero unless it was wanted
	Err      error    // *EvalError
	Said     []string // lines of warnings and traces, which are no part of an error
}

// Evaluate evaluates the named nodes in parallel, one process per node, and
// reports each one, serially, as it is done. A node that fails does not stop
// the others. The error returned concerns the whole run: ctx ended, nix is not
// there, or the flake is a dirty tree that changed meanwhile (*ChangedError).
func (f *Flake) Evaluate(ctx context.Context, names []string, want Want, report func(Evaluation)) error {
	function := "node "
	if want == SettingsOnly {
		function = "settings "
	}
	err := f.each(ctx, names, func(name string) string { return function + nixString(name) }, func(name string, a nix.Answer, err error) error {
		ev := Evaluation{Name: name}
		if err == nil {
			ev.Said = f.news(a)
			err = ev.read(a.Out, want)
		}
		if err != nil {
			bad, whole := f.evalError(name, err)
			if whole != nil {
				return whole
			}
			ev.Err = bad
		}
		report(ev)
		return nil
	})
	if err != nil {
		return err
	}
	return f.Unchanged(ctx)
}

// read takes over what nix printed. Its errors do not name the node.
func (ev *Evaluation) read(data []byte, want Want) error {
	m, err := parseObject("nix eval", data)
	if err != nil {
		return err
	}
	if err := problemsOf(m); err != nil {
		return err
	}
	if want == WithSystem {
		if ev.System, err = readSystem(m); err != nil {
			return err
		}
	}
	ev.Settings, err = readSettings(m)
	return err
}

// each applies a function of lib.nix for each name, in parallel as far as
// cores and memory allow, and hands the answers to done, one at a time. An
// error from done ends the run.
func (f *Flake) each(ctx context.Context, names []string, function func(name string) string,
	done func(name string, a nix.Answer, err error) error) error {
	type result struct {
		name string
		nix.Answer
		err error
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	results := make(chan result)
	w := newWorkers(runtime.NumCPU(), available())
	var failed error
	next := 0
	for next < len(names) || w.running > 0 {
		for failed == nil && next < len(names) && w.start() {
			name := names[next]
			next++
			go func() {
				a, err := f.apply(ctx, function(name))
				results <- result{name, a, err}
			}()
		}
		if w.running == 0 {
			break
		}
		r := <-results
		w.done(r.RSS)
		if failed != nil {
			continue
		}
		if ctx.Err() != nil {
			failed = context.Cause(ctx)
			continue
		}
		if failed = done(r.name, r.Answer, r.err); failed != nil {
			cancel(failed)
		}
	}
	return failed
}

// evalError tells an error that concerns one node from one that concerns all.
func (f *Flake) evalError(name string, err error) (node *EvalError, whole error) {
	e := &EvalError{Node: name, Message: err.Error(), Next: "correct it in the flake and run again"}
	var exit *nix.ExitError
	if !errors.As(err, &exit) {
		if errors.Is(err, exec.ErrNotFound) {
			return nil, err
		}
		if strings.Contains(e.Message, "killed by signal") {
			e.Next = "the evaluator may have run out of memory: close other programs or select fewer nodes"
		}
		return e, nil
	}
	if unlocked(exit) {
		return nil, &LockError{Ref: f.Ref}
	}
	e.Message = exit.Message()
	hint := untracked(e.Message, f.Root)
	switch {
	case hint != "":
		e.Next = hint
	case strings.Contains(e.Message, "NAR hash mismatch in input 'path:"):
		e.Next = "the flake's files changed while it was being evaluated: run again"
	case declaredTwice.MatchString(e.Message):
		e.Next = "leave flakeops.nixosModules.default out of this node: its settings are read as the other module declares them"
	case exit.Traced:
		e.Next = ""
	default:
		e.Next = "run again with --show-trace to see where this comes from"
	}
	return e, nil
}

// declaredTwice recognises the module system's word on an option of this
// project's modules that another tool's declares too.
var declaredTwice = regexp.MustCompile("The option `deployment\\.[^']*' in .* is already declared in ")
