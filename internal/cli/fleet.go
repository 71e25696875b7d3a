package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/rs/zerolog"

	"flakeops/activate/wire"
	"flakeops/flake"
	"flakeops/internal/fault"
	"flakeops/internal/remote"
	"flakeops/internal/remote/ask"
	"flakeops/internal/remote/lend"
	"flakeops/internal/remote/sshargs"
	"flakeops/internal/ui"
	"flakeops/keys"
)

// fleet is a flake that was opened, and the nodes selected of it.
type fleet struct {
	nix   *flake.Nix
	flake *flake.Flake
	names []string
	named []string // those that the operator wrote by name

	// unclear are nodes that may be selected or not, as their tags cannot be
	// read: each has failed.
	unclear []flake.Evaluation
}

// openFleet reads the flake and resolves the selection.
func openFleet(ctx context.Context, sel selection, nix *flake.Nix, u *ui.UI) (*fleet, error) {
	ref, name, err := flake.SplitRef(sel.Flake)
	if err != nil {
		return nil, err
	}
	ctx, cancel := within(ctx, openDeadline, "reading the flake")
	defer cancel()
	u.Status(ref, "reading the flake")
	f, err := openFlake(ctx, nix, ref, asksForFlake(sel.Flake), os.Getenv("FLAKEOPS_SELF"))
	if err = because(ctx, err); err != nil {
		return nil, fault.During(fault.Evaluation, err)
	}
	if f.Dirty {
		u.Warn(f.Ref + " has uncommitted changes, which are deployed too")
	}
	names, unclear, err := f.Select(ctx, flake.Selection{Node: name, On: sel.On, Exclude: sel.Exclude})
	if err = because(ctx, err); err != nil {
		var mistaken *flake.SelectError
		if !errors.As(err, &mistaken) {
			err = fault.During(fault.Evaluation, err)
		}
		return nil, err
	}
	u.Forget(ref)
	for _, line := range f.Said {
		u.Line("nix", line)
	}
	fl := &fleet{nix: nix, flake: f, names: names, unclear: unclear}
	for _, s := range append(sel.On, name) {
		fl.named = append(fl.named, splitList(s)...)
	}
	return fl, nil
}

// splitList splits a comma list into its trimmed parts.
func splitList(s string) []string {
	parts := strings.Split(s, ",")
	for i, p := range parts {
		parts[i] = strings.TrimSpace(p)
	}
	return parts
}

// origin says where the fleet's systems come from, for the hosts' records.
func (f *fleet) origin() wire.Flake {
	o := wire.Flake{URL: f.flake.URL, Revision: f.flake.Revision, Inputs: f.flake.Inputs}
	if f.flake.Dirty {
		o.URL = f.flake.Path
	}
	return o
}

// evaluate evaluates all selected nodes and gives the unclear ones as failed, for verbs that need no pipeline.
func (f *fleet) evaluate(ctx context.Context, each func(flake.Evaluation)) error {
	ctx, cancel := within(ctx, evaluateDeadline, "evaluation")
	defer cancel()
	for _, e := range f.unclear {
		each(e)
	}
	return fault.During(fault.Evaluation, because(ctx, f.flake.Evaluate(ctx, f.names, flake.WithSystem, each)))
}

// run takes the selected nodes as far as the plan goes.
func (f *fleet) run(ctx context.Context, todo plan, u *ui.UI, log zerolog.Logger) (*pipeline, error) {
	roots, err := openRoots()
	if err != nil {
		return nil, err
	}
	defer roots.Close()
	st := &localStore{nix: f.nix, roots: roots}

	todo.named, todo.flake, todo.operator = f.named, f.origin(), operator()
	p := &pipeline{plan: todo, source: f.flake, store: st, screen: u, reader: f.reader()}
	if todo.through > throughBuild {
		exe, err := ownExecutable()
		if err != nil {
			return nil, err
		}
		extra, err := sshargs.Split(os.Getenv("NIX_SSHOPTS"))
		if err != nil {
			return nil, fmt.Errorf("NIX_SSHOPTS: %w", err)
		}
		lender, err := lend.New(ctx, exe, log)
		if err != nil {
			return nil, err
		}
		defer lender.Close()
		prompter := &ui.Prompter{UI: u}
		p.confirm = prompter
		p.agents = &agents{own: exe, dir: os.Getenv("FLAKEOPS_AGENTS"), add: f.nix.Add, keep: st.Keep}
		p.network = &sshNetwork{
			nix:    f.nix,
			giveUp: givenUp(ctx),
			lender: lender,
			dialer: &remote.Dialer{
				Extra:    extra,
				Operator: ask.Operator{Prompt: prompter},
				Log:      log,
			},
		}
	}
	names := todo.part.pick(f.names)
	if len(names)+len(f.unclear) == 0 {
		u.Message("this part has no nodes")
	}
	p.run(ctx, names, f.unclear...)
	return p, nil
}

// reader reads the keys of the flake's nodes.
func (f *fleet) reader() *keys.Reader {
	return &keys.Reader{
		Dir:    f.flake.Dir,
		Source: f.flake.Path,
		Sub:    f.flake.Sub,
		Root:   f.flake.Root,
		Texts: func(ctx context.Context, node string, attrs []string) (map[string]keys.Secret, error) {
			texts, err := f.flake.KeyTexts(ctx, node, attrs)
			secrets := make(map[string]keys.Secret, len(texts))
			for attr, text := range texts {
				secrets[attr] = keys.NewSecret(text)
			}
			return secrets, err
		},
	}
}

// localStore is the local nix store with the roots of this run.
type localStore struct {
	nix   *flake.Nix
	roots *flake.Roots
}

func (s *localStore) Build(ctx context.Context, jobs []flake.Job, report func(flake.BuildEvent)) error {
	return s.nix.Build(ctx, jobs, report)
}

func (s *localStore) Keep(ctx context.Context, name, storePath string) error {
	return s.roots.Add(ctx, s.nix, name, storePath)
}

func (s *localStore) Closure(ctx context.Context, storePath string) (map[string]int64, error) {
	return s.nix.Closure(ctx, storePath)
}

func openRoots() (*flake.Roots, error) {
	cache, err := cacheDir()
	if err != nil {
		return nil, fmt.Errorf("no place for the roots of a run: %w: set HOME or XDG_CACHE_HOME", err)
	}
	roots, err := flake.OpenRoots(filepath.Join(cache, "flakeops", "roots"))
	var file *fs.PathError
	if errors.As(err, &file) {
		err = fmt.Errorf("%w: make it a directory that you can write to, or name another cache directory by XDG_CACHE_HOME", err)
	}
	return roots, err
}

// cacheDir is the user's cache directory. A service of systemd may have no HOME,
// which nix does without, too.
func cacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err == nil {
		return dir, nil
	}
	u, uerr := user.Current()
	if uerr != nil || !filepath.IsAbs(u.HomeDir) {
		return "", err
	}
	return filepath.Join(u.HomeDir, ".cache"), nil
}

// operator names who deploys, for the hosts' records.
func operator() string {
	name, host := "unknown", "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return name + "@" + host
}
