package store

import (
	"context"
	"errors"
	"os/exec"
	"slices"

	"flakeops/flake/nix"
	"flakeops/internal/run"
)

// BuildKind says what a BuildEvent tells.
type BuildKind string

// The kinds of BuildEvent.
const (
	BuildStarted BuildKind = "started" // a derivation began to build
	BuildLog     BuildKind = "log"     // a derivation wrote a line
	BuildBuilt   BuildKind = "built"   // the node's system is in the store
	BuildFailed  BuildKind = "failed"  // the node's system cannot be built; Err says why
)

// BuildEvent is one thing that happened while building.
type BuildEvent struct {
	Node       string // "" for a derivation that several nodes share
	Kind       BuildKind
	Derivation string // store path of the .drv concerned
	Line       string // for BuildLog, without terminal escapes
	Err        error  // for BuildFailed, a *BuildError
}

// Job is a system that is to be built for a node.
type Job struct {
	Node string
	Drv  string // derivation
	Out  string // what it builds
}

// Build builds all of the nodes' systems in one nix invocation that goes on past failures, so
// that nix shares what they have in common. Each node ends in exactly one
// BuildBuilt or BuildFailed event, the first as soon as its own system is
// there. report is called serially, and holds the build up while it runs. The
// error returned concerns the whole run only: ctx ended, or nix is not there.
func (n Local) Build(ctx context.Context, nodes []Job, report func(BuildEvent)) error {
	b := newBuild(ctx, n, nodes, report)
	if err := b.reportPresent(); err != nil {
		return err
	}
	for len(b.open) > 0 {
		before := len(b.open)
		failure, err := b.realise()
		if err != nil {
			return err
		}
		if failure == "" {
			b.reportBuilt()
			failure = "nix says that it was built, but its output is not in the store"
		}
		if err := b.reportValid(b.open); err != nil {
			return err
		}
		if err := b.settle(); err != nil {
			return err
		}
		// Some versions stop at the first derivation that this machine cannot
		// build at all. The nodes that do not need it get another try.
		if len(b.open) == before {
			b.giveUp(failure)
		}
	}
	return nil
}

// realise runs nix once for all open nodes. It returns nix's last words when
// nix failed, "" when it did not, and an error that concerns the whole run.
func (b *build) realise() (string, error) {
	drvs := make([]string, 0, len(b.open))
	for _, node := range b.open {
		drvs = append(drvs, node.Drv)
	}
	slices.Sort(drvs)
	argv := b.nix.StoreArgv("--realise", "--keep-going", "--log-format", "internal-json")
	argv = append(argv, slices.Compact(drvs)...)
	b.activities, b.words = map[uint64]*activity{}, nil
	w := &run.Lines{Max: nix.MaxLine, Handle: b.line}
	_, err := b.nix.Run(b.ctx, run.Command{Argv: argv, Stderr: w})
	w.End()
	b.quiet()
	if err == nil {
		return "", nil
	}
	if b.ctx.Err() != nil {
		return "", context.Cause(b.ctx)
	}
	err = b.nix.Explain(b.ctx, err, b.lastWords())
	var exit *nix.ExitError
	if !errors.As(err, &exit) {
		if errors.Is(err, exec.ErrNotFound) {
			return "", err
		}
		return err.Error(), nil
	}
	return exit.Message(), nil
}

// invalid returns those of the store paths that are not in the local store.
func (n Local) invalid(ctx context.Context, paths []string) (map[string]bool, error) {
	missing := map[string]bool{}
	if len(paths) == 0 {
		return missing, nil
	}
	a, err := n.Ask(ctx, n.StoreArgv(append([]string{"--check-validity", "--print-invalid"}, paths...)...))
	if err != nil {
		return nil, err
	}
	for _, p := range a.Lines() {
		missing[p] = true
	}
	return missing, nil
}
