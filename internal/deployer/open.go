package deployer

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"flakeops/activate/wire"
	"flakeops/flake"
	"flakeops/flake/nix"
	"flakeops/internal/fault"
	"flakeops/internal/fleet"
	"flakeops/internal/limit"
	"flakeops/keys"
)

// Fleet is a flake that was opened, and the nodes selected of it.
type Fleet struct {
	Flake *flake.Flake
	Names []string // of the selected nodes, sorted
	// Unclear are nodes that may be selected or not, as their tags cannot be read:
	// each has failed.
	Unclear []flake.Evaluation

	nix   *nix.Programs
	named []string // those that the operator wrote by name
}

// Open reads the flake that FLAKE#NODE names, or else the one that is meant, and
// resolves the selection, to which that node belongs.
func Open(ctx context.Context, n *nix.Programs, arg string, sel flake.Selection) (*Fleet, error) {
	ctx, cancel := limit.Within(ctx, openDeadline, "reading the flake")
	defer cancel()
	f, node, err := read(ctx, n, arg)
	if err != nil {
		return nil, err
	}
	sel.Node = node
	names, unclear, err := f.Select(ctx, sel)
	if err = limit.Because(ctx, err); err != nil {
		var mistaken *flake.SelectError
		if !errors.As(err, &mistaken) {
			err = fault.During(fault.Evaluation, err)
		}
		return nil, err
	}
	fl := &Fleet{nix: n, Flake: f, Names: names, Unclear: unclear}
	for _, list := range append(sel.On, node) {
		for name := range strings.SplitSeq(list, ",") {
			fl.named = append(fl.named, strings.TrimSpace(name))
		}
	}
	return fl, nil
}

// OpenAlone reads the flake as Open does, and looks at none of its nodes.
func OpenAlone(ctx context.Context, n *nix.Programs, arg string) (*flake.Flake, error) {
	ctx, cancel := limit.Within(ctx, openDeadline, "reading the flake")
	defer cancel()
	f, _, err := read(ctx, n, arg)
	return f, err
}

func read(ctx context.Context, n *nix.Programs, arg string) (f *flake.Flake, node string, err error) {
	ref, node, err := flake.SplitRef(arg)
	if err != nil {
		return nil, "", err
	}
	f, err = OpenFlake(ctx, n, ref, asksFor(arg))
	return f, node, fault.During(fault.Evaluation, limit.Because(ctx, err))
}

// asksFor says whether FLAKE#NODE names a flake.
func asksFor(arg string) bool { return arg != "" && !strings.HasPrefix(arg, "#") }

// OpenFlake opens the flake that was asked for. When none was, and an app of a flake
// runs this program, that is the app's own flake, of which FLAKEOPS_SELF is the locked
// reference, path:SOURCE?narHash=... The work tree it was locked from is preferred when
// the operator is in it, unchanged: what the flake says of files beside it, such as
// keys, holds only there.
func OpenFlake(ctx context.Context, n *nix.Programs, ref string, asked bool) (*flake.Flake, error) {
	own := os.Getenv("FLAKEOPS_SELF")
	if asked || own == "" {
		return flake.Open(ctx, n, ref)
	}
	source, _, _ := strings.Cut(strings.TrimPrefix(own, "path:"), "?")
	if here, err := flake.Open(ctx, n, "."); err == nil && here.Path == source {
		return here, nil
	}
	return flake.Open(ctx, n, own)
}

// Origin says where the fleet's systems come from, for the hosts' records.
func (f *Fleet) Origin() wire.Flake { return OriginOf(f.Flake) }

// OriginOf says where what is made of a flake comes from.
func OriginOf(f *flake.Flake) wire.Flake {
	o := wire.Flake{URL: f.URL, Revision: f.Revision, Inputs: f.Inputs}
	if f.Dirty {
		o.URL = f.Path
	}
	return o
}

// Evaluate evaluates all selected nodes, settings and systems, and gives the unclear
// ones as failed.
func (f *Fleet) Evaluate(ctx context.Context, each func(flake.Evaluation)) error {
	ctx, cancel := limit.Within(ctx, fleet.EvaluateDeadline, "evaluation")
	defer cancel()
	for _, e := range f.Unclear {
		each(e)
	}
	return fault.During(fault.Evaluation, limit.Because(ctx, f.Flake.Evaluate(ctx, f.Names, flake.WithSystem, each)))
}

// Validate checks the settings of the selected nodes. The results are sorted by name.
func (f *Fleet) Validate(ctx context.Context) ([]flake.Validation, error) {
	ctx, cancel := limit.Within(ctx, fleet.EvaluateDeadline, "evaluation")
	defer cancel()
	found, err := f.Flake.Validate(ctx, f.Names, f.reader().Exposed)
	for _, e := range f.Unclear {
		found = append(found, flake.Validation{Name: e.Name, Err: e.Err})
	}
	slices.SortFunc(found, func(a, b flake.Validation) int { return strings.Compare(a.Name, b.Name) })
	return found, fault.During(fault.Evaluation, limit.Because(ctx, err))
}

// Unsaid gives of nodes that are not Addressed, by name, why they would be refused.
func (f *Fleet) Unsaid(ctx context.Context, names []string) (map[string]error, error) {
	refused := map[string]error{}
	if len(names) == 0 {
		return refused, nil
	}
	ctx, cancel := limit.Within(ctx, fleet.EvaluateDeadline, "evaluation")
	defer cancel()
	others, err := f.Flake.Addresses(ctx)
	if err != nil {
		return nil, fault.During(fault.Evaluation, limit.Because(ctx, err))
	}
	for _, name := range names {
		if err := flake.Unsaid(name, others); err != nil {
			refused[name] = err
		}
	}
	return refused, nil
}

// reader reads the keys of the flake's nodes.
func (f *Fleet) reader() *keys.Reader {
	return &keys.Reader{
		Dir:    f.Flake.Dir,
		Source: f.Flake.Path,
		Sub:    f.Flake.Sub,
		Root:   f.Flake.Root,
		Texts: func(ctx context.Context, node string, attrs []string) (map[string]keys.Secret, error) {
			texts, err := f.Flake.KeyTexts(ctx, node, attrs)
			secrets := make(map[string]keys.Secret, len(texts))
			for attr, text := range texts {
				secrets[attr] = keys.NewSecret(text)
			}
			return secrets, err
		},
	}
}
