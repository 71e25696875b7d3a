package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"flakeops/flake/nix"
	"flakeops/flake/store"
	"flakeops/internal/remote"
	"flakeops/internal/remote/lend"
	"flakeops/internal/remote/resolve"
	"flakeops/internal/run"
	"flakeops/tests/flakes"
)

const (
	payload = 64 << 20 // bytes
	paths   = 100
)

// lending compares nix copy over a connection that flakeops lends it, as in a
// deployment that has read the host's facts already, with nix copy as it is.
func (b *bench) lending(ctx context.Context, r *report) error {
	lender, err := lend.New(ctx, b.Flakeops, zerolog.Nop())
	if err != nil {
		return err
	}
	defer lender.Close()
	dialer := &remote.Dialer{Extra: []string{"-F", b.lab.SSHConfig()}}
	// Two hosts of the same suite, and each path goes to each of them once.
	hosts := [2]string{b.hosts[0].Name, b.hosts[len(b.hosts)/2].Name}
	p := pairs{what: fmt.Sprintf("nix copy, %d MB in %d paths, lent connection / ssh", payload>>20, paths)}
	local := store.Local{Programs: &nix.Programs{Runner: withEnv{b.env()}}}
	for round := range b.Rounds {
		fmt.Fprintf(b.progress, "lending: round %d of %d\n", round+1, b.Rounds)
		system, err := b.bulk(ctx, round)
		if err != nil {
			return err
		}
		var took [2]time.Duration
		for _, i := range []int{round % 2, 1 - round%2} {
			to := hosts[(round+i)%2]
			copied := store.Copy{Store: "ssh://" + to, Paths: []string{system}}
			giveBack := func() {}
			if i == 0 {
				conn, err := dialer.Dial(ctx, resolve.Target{Node: to, Host: to})
				if err != nil {
					return err
				}
				name, takeBack := lender.Lend(conn.Root(), time.Hour)
				copied.Store, copied.Env = "ssh://"+name, lender.Env()
				giveBack = func() { _ = takeBack(); _ = conn.Close() }
			}
			began := time.Now()
			err := local.Copy(ctx, copied)
			took[i] = time.Since(began)
			giveBack()
			if err != nil {
				return err
			}
		}
		p.add(took)
	}
	r.pairs = append(r.pairs, p)
	return nil
}

// bulk builds a large system that no host has yet.
func (b *bench) bulk(ctx context.Context, round int) (string, error) {
	b.version++
	node := flakes.Node{Version: b.label(), Payload: payload, Paths: paths}
	if err := flakes.Write(b.flake(), map[string]flakes.Node{"bulk": node}); err != nil {
		return "", err
	}
	out := fmt.Sprintf("%s/bulk-%d", b.work, round)
	if _, err := b.run(ctx, []string{"nix", "build", "--out-link", out, b.ref() + "#" + flakes.SystemAttr("bulk")}); err != nil {
		return "", err
	}
	system, err := os.Readlink(out)
	return strings.TrimSpace(system), err
}

// withEnv runs commands with a given environment in place of this process's.
type withEnv struct{ env []string }

func (w withEnv) Run(ctx context.Context, cmd run.Command) (run.Result, error) {
	cmd.Env = append(w.env[:len(w.env):len(w.env)], cmd.Env...)
	return run.Local{}.Run(ctx, cmd)
}
