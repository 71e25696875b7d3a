package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"flakeops/tests/flakes"
	"flakeops/tests/lab/host"
	"flakeops/tests/trial"
)

// fleet is a flake, the hosts of its nodes, and an operator's home.
type fleet struct {
	t     *testing.T
	lab   *host.Lab
	dir   string // of the flake
	home  string
	nodes map[string]flakes.Node
	hosts map[string]*machine
	also  string // ssh_config lines of the operator's own
}

// brief are the settings of a node whose failures should not take minutes.
func brief(more map[string]any) map[string]any {
	d := map[string]any{"confirmTimeout": 10, "activationTimeout": 30}
	maps.Copy(d, more)
	return d
}

// newFleet boots one host for each of names, which it maps to their suites, and
// writes a fleet with a healthy node for each. A suite may be followed by a
// size, "bookworm 64M": then the host's disk has that much room.
func newFleet(t *testing.T, names map[string]string) *fleet {
	t.Helper()
	t.Parallel()
	f := emptyFleet(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	for name, suite := range names {
		wg.Go(func() {
			h, err := f.lab.Start(t.Context(), options(name, suite))
			if err != nil {
				t.Errorf("starting %s: %v", name, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			f.hosts[name] = &machine{t: t, Host: h}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	for name := range names {
		f.nodes[name] = flakes.Node{Deployment: brief(nil)}
	}
	f.write()
	return f
}

// emptyFleet is a fleet without nodes and hosts.
func emptyFleet(t *testing.T) *fleet {
	t.Helper()
	lab, err := host.New(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lab.Close(); err != nil {
			t.Errorf("taking the lab down: %v", err)
		}
	})
	return &fleet{
		t: t, lab: lab, home: t.TempDir(), dir: flakes.Fleet(t, nil),
		nodes: map[string]flakes.Node{}, hosts: map[string]*machine{},
	}
}

func options(name, suite string) host.Options {
	suite, size, _ := strings.Cut(suite, " ")
	o := host.Options{Name: name, Suite: suite}
	if size != "" {
		o.DiskSize = megabytes(size)
	}
	return o
}

func megabytes(size string) int64 {
	var n int64
	for _, c := range strings.TrimSuffix(size, "M") {
		n = n*10 + int64(c-'0')
	}
	return n << 20
}

// set changes a node and returns the system it then is.
func (f *fleet) set(name string, change func(*flakes.Node)) string {
	f.t.Helper()
	n := f.nodes[name]
	n.Deployment = maps.Clone(n.Deployment)
	change(&n)
	f.nodes[name] = n
	f.write()
	return f.system(name)
}

// setting changes one of a node's deployment settings.
func (f *fleet) setting(name, option string, value any) {
	f.t.Helper()
	n := f.nodes[name]
	n.Deployment = maps.Clone(n.Deployment)
	n.Deployment[option] = value
	f.nodes[name] = n
	f.write()
}

func (f *fleet) write() { f.t.Helper(); flakes.Rewrite(f.t, f.dir, f.nodes) }

// system is the store path that a node's system has once it is built.
func (f *fleet) system(name string) string {
	f.t.Helper()
	return flakes.Nix(f.t, f.dir, "eval", "--raw", "path:"+f.dir+"#"+flakes.SystemAttr(name)+".outPath")
}

// version gives a node a new version, which is a new system, and returns it.
func (f *fleet) version(name, v string, faults ...string) string {
	f.t.Helper()
	return f.set(name, func(n *flakes.Node) { n.Version, n.Faults = v, faults })
}

// env is the operator's environment.
func (f *fleet) env() []string {
	f.t.Helper()
	env, err := trial.Env(f.home, f.sshConfig())
	if err != nil {
		f.t.Fatal(err)
	}
	return env
}

// sshConfig is the operator's ssh_config.
func (f *fleet) sshConfig() string {
	if f.also == "" {
		return f.lab.SSHConfig()
	}
	name := filepath.Join(f.home, "ssh_config")
	text := f.also + "Match all\nInclude " + f.lab.SSHConfig() + "\n"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	return name
}
