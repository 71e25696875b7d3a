package deployer

import (
	"context"
	"fmt"
	"os"
	"os/user"

	"github.com/rs/zerolog"

	"flakeops/flake/store"
	"flakeops/internal/fleet"
	"flakeops/internal/remote"
	"flakeops/internal/remote/ask"
	"flakeops/internal/remote/lend"
	"flakeops/internal/remote/sshargs"
)

// Operator is who has a run, and how that is told of it.
type Operator struct {
	Prompt ask.Prompter      // asks questions of SSH
	Tell   func(fleet.Event) // is told what happens, by several goroutines
	Log    zerolog.Logger    // gets diagnostics
	GiveUp <-chan struct{}   // closed when no host is to be waited for any more; nil never is
}

// Start begins a run of the fleet's nodes called names, with the real programs, store
// and network of this machine, and of those that are unclear. FLAKEOPS_AGENTS is a
// directory of agents for other platforms.
func (f *Fleet) Start(ctx context.Context, o fleet.Options, names []string, by Operator) (*fleet.Run, error) {
	roots, err := openRoots()
	if err != nil {
		return nil, err
	}
	st := &localStore{local: store.Local{Programs: f.nix}, roots: roots}
	o.Named, o.Flake, o.Locked, o.Operator = f.named, f.Origin(), f.Flake.Locked, operator()
	p := fleet.Parts{Source: f.Flake, Store: st, Reader: f.reader(), Tell: by.Tell, GiveUp: by.GiveUp, Ends: []func(){func() { _ = roots.Close() }}}
	if !o.Local {
		net, exe, err := f.network(ctx, by)
		if err != nil {
			_ = roots.Close()
			return nil, err
		}
		p.Ends = append(p.Ends, func() { _ = net.lender.Close() })
		p.Network = net
		agents := &agents{own: exe, dir: os.Getenv("FLAKEOPS_AGENTS"), add: st.local.Add, keep: st.Keep}
		p.Agent = agents.path
	}
	return fleet.Start(ctx, o, p, names, f.Unclear...), nil
}

// network reaches hosts by SSH, whose options for every connection are in
// NIX_SSHOPTS, and lends the connections to nix, which calls this executable.
func (f *Fleet) network(ctx context.Context, by Operator) (net *sshNetwork, exe string, err error) {
	if exe, err = ownExecutable(); err != nil {
		return nil, "", err
	}
	extra, err := sshargs.Split(os.Getenv("NIX_SSHOPTS"))
	if err != nil {
		return nil, "", fmt.Errorf("NIX_SSHOPTS: %w", err)
	}
	lender, err := lend.New(ctx, exe, by.Log)
	if err != nil {
		return nil, "", err
	}
	dialer := &remote.Dialer{Extra: extra, Operator: ask.Operator{Prompt: by.Prompt}, Log: by.Log}
	return &sshNetwork{dialer: dialer, lender: lender, nix: f.nix}, exe, nil
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
