package chaos

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"flakeops/tests/flakes"
	"flakeops/tests/lab/host"
	"flakeops/tests/trial"
)

const (
	perSuite = 2         // hosts of each suite in a lab
	diskSize = 160 << 20 // of a host, in bytes, so that it can be filled
)

// pool is a lab whose hosts are used by one round after the other. Before each a
// host is put back to the system that was deployed to it first.
type pool struct {
	lab *host.Lab
	dir string

	mu    sync.Mutex
	free  []*resident
	freed *sync.Cond
}

// resident is a host of the pool.
type resident struct {
	*host.Host
	base string // the system it starts each round with
}

// newPool boots the hosts and deploys their first systems. All is below dir.
func newPool(ctx context.Context, dir string) (*pool, error) {
	lab, err := host.New(ctx, dir)
	if err != nil {
		return nil, err
	}
	p := &pool{lab: lab, dir: dir}
	p.freed = sync.NewCond(&p.mu)
	if err := p.settleIn(ctx); err != nil {
		_ = lab.Close()
		return nil, err
	}
	return p, nil
}

func (p *pool) settleIn(ctx context.Context) error {
	home, flake := filepath.Join(p.dir, "home"), filepath.Join(p.dir, "flake")
	nodes := map[string]flakes.Node{}
	for i := range perSuite {
		for _, suite := range host.Suites() {
			name := fmt.Sprintf("%s-%d", suite, i)
			h, err := p.lab.Start(ctx, host.Options{Name: name, Suite: suite, DiskSize: diskSize})
			if err != nil {
				return err
			}
			if _, err := h.Shell(ctx, "systemctl is-active ssh.socket ssh.service | paste - - | { read s v; [ $s = active ] && echo ssh.socket || echo ssh.service; } >/etc/chaos-sshd"); err != nil {
				return err
			}
			nodes[name] = flakes.Node{Version: "base", Faults: []string{"slow"}, Deployment: map[string]any{}}
			p.free = append(p.free, &resident{Host: h})
		}
	}
	if err := flakes.Write(flake, nodes); err != nil {
		return err
	}
	env, err := trial.Env(home, p.lab.SSHConfig())
	if err != nil {
		return err
	}
	d, err := trial.Start(ctx, p.dir, env, binary, "deploy", "path:"+flake)
	if err != nil {
		return err
	}
	if code, err := d.Wait(); code != 0 || err != nil {
		return fmt.Errorf("the first deployment: exit code %d: %w\n%s", code, err, d.Stderr.String())
	}
	for _, h := range p.free {
		s, err := trial.Look(ctx, h.Host)
		if err != nil {
			return err
		}
		h.base = s.Running
		// The agent stays, so that not every round copies it.
		if _, err := h.Shell(ctx, "ln -sfn $(ls -d /nix/store/*-flakeops* | grep -v '[.]drv$' | head -n 1) /nix/var/nix/gcroots/chaos-agent"); err != nil {
			return err
		}
	}
	return nil
}

// take waits for hosts of these suites.
func (p *pool) take(suites []string) []*resident {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if got := p.find(suites); got != nil {
			return got
		}
		p.freed.Wait()
	}
}

// find needs p.mu.
func (p *pool) find(suites []string) []*resident {
	left := append([]*resident(nil), p.free...)
	var got []*resident
	for _, suite := range suites {
		found := -1
		for i, h := range left {
			if h.Suite == suite {
				found = i
				break
			}
		}
		if found < 0 {
			return nil
		}
		got = append(got, left[found])
		left = append(left[:found], left[found+1:]...)
	}
	p.free = left
	return got
}

// give puts hosts back.
func (p *pool) give(hosts []*resident) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, hosts...)
	p.freed.Broadcast()
}

// reset makes the host what it was when its base was deployed, and checks that it
// is well.
func (h *resident) reset(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := h.Shell(ctx, strings.ReplaceAll(`
		set -e
		nix-env -p /nix/var/nix/profiles/system --set BASE
		BASE/bin/switch-to-configuration switch >/dev/null 2>&1
		for link in /nix/var/nix/profiles/system-*-link; do
			[ "$link" = /nix/var/nix/profiles/$(readlink /nix/var/nix/profiles/system) ] || rm "$link"
		done
		rm -rf /run/flakeops /var/lib/flakeops /nix/var/nix/gcroots/flakeops
		find /run/keys -mindepth 1 -delete
		nix-collect-garbage >/dev/null 2>&1
		systemctl reset-failed
		state=$(systemctl is-system-running) || [ "$state" = starting ] || { systemctl list-units --failed >&2; exit 1; }`, "BASE", h.base))
	if err != nil {
		return fmt.Errorf("resetting %s: %w", h.Name, err)
	}
	return h.WaitSSH(ctx)
}

// patience bounds every wait that is not part of what is tried.
const patience = 2 * time.Minute

func (p *pool) close() error {
	err := p.lab.Close()
	_ = os.RemoveAll(p.dir)
	return err
}
