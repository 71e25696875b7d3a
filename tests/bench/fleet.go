package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"flakeops/tests/flakes"
	"flakeops/tests/lab/host"
)

// bench is what all measurements share: hosts, a fleet, and a home for whoever
// deploys, in which nothing is this machine's own.
type bench struct {
	options
	progress io.Writer
	work     string // everything below is in here
	lab      *host.Lab
	hosts    []*host.Host // h1, h2, ...
	version  int          // of all nodes
}

func newBench(ctx context.Context, o options, progress io.Writer) (*bench, error) {
	if o.Rounds < 1 || o.Hosts < 1 {
		return nil, errors.New("--rounds and --hosts must be at least 1")
	}
	var err error
	if o.Flakeops, err = filepath.Abs(o.Flakeops); err != nil {
		return nil, err
	}
	b := &bench{options: o, progress: progress}
	if b.work, err = os.MkdirTemp("", "flakeops-bench-"); err != nil {
		return nil, err
	}
	if err := b.begin(ctx); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

// begin boots the hosts and deploys to them once with each contender, so that
// what only a first time costs is not measured.
func (b *bench) begin(ctx context.Context) error {
	for _, dir := range []string{b.home(), b.runtimeDir()} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
	}
	fmt.Fprintf(b.progress, "booting %d hosts\n", b.Hosts)
	var err error
	if b.lab, err = host.New(ctx, ""); err != nil {
		return err
	}
	b.hosts = make([]*host.Host, b.Hosts)
	group, groupCtx := errgroup.WithContext(ctx)
	for n := range b.hosts {
		group.Go(func() (err error) {
			suite := host.Suites()[n%len(host.Suites())]
			b.hosts[n], err = b.lab.Start(groupCtx, host.Options{Name: "h" + strconv.Itoa(n+1), Suite: suite})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, c := range b.contenders() {
		fmt.Fprintf(b.progress, "first deployment with %s\n", c.name)
		if err := b.change(); err != nil {
			return err
		}
		if _, err := b.time(ctx, c, b.hosts); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) close() error {
	var err error
	if b.lab != nil {
		err = b.lab.Close()
	}
	return errors.Join(err, os.RemoveAll(b.work))
}

func (b *bench) home() string       { return filepath.Join(b.work, "home") }
func (b *bench) runtimeDir() string { return filepath.Join(b.work, "run") }
func (b *bench) flake() string      { return filepath.Join(b.work, "fleet") }
func (b *bench) ref() string        { return "path:" + b.flake() }

// change gives every node a new version, which is a new system whose service
// has to be restarted.
func (b *bench) change() error {
	b.version++
	nodes := map[string]flakes.Node{}
	for n := range b.Hosts {
		nodes["h"+strconv.Itoa(n+1)] = flakes.Node{
			Version:    b.label(),
			Deployment: map[string]any{},
		}
	}
	return flakes.Write(b.flake(), nodes)
}

// label differs from bench to bench, so that no system has been built before.
func (b *bench) label() string {
	return fmt.Sprintf("%d.%s", b.version, strings.TrimPrefix(filepath.Base(b.work), "flakeops-bench-"))
}

// check makes sure that a contender did its work.
func (b *bench) check(ctx context.Context, hosts []*host.Host) error {
	for _, h := range hosts {
		out, err := h.Shell(ctx, "cat /run/current-system/version /nix/var/nix/profiles/system/version /boot/default-system/version /run/fleet/version")
		if err != nil {
			return err
		}
		for _, v := range strings.Fields(out) {
			if v != b.label() {
				return fmt.Errorf("%s was not deployed to: it has version %s, not %s", h.Name, v, b.label())
			}
		}
	}
	return nil
}

// env is the environment of whoever deploys.
func (b *bench) env() []string {
	return append([]string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + b.home(),
		"XDG_RUNTIME_DIR=" + b.runtimeDir(),
		"NIX_SSHOPTS=-F " + b.lab.SSHConfig(),
		"LANG=C.UTF-8",
	}, host.NixEnv()...)
}
