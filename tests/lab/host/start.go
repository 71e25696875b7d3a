package host

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
)

// Options says what a host is like. Only Name is needed.
type Options struct {
	Name     string   // host name, unique in its lab: letters, digits and hyphens
	Suite    string   // one of Suites; empty means the first
	DiskSize int64    // bytes its disk has beyond the image, in memory; 0 means as much as this machine has
	Deployer bool     // it has the lab's key, ssh_config and known_hosts, at the same paths as this machine
	Binds    []string // files and directories of this machine that it sees too, read-only, at the same path
}

var hostName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$`)

// Start boots a host and waits until systemd is done and SSH answers. Several
// can start at the same time.
func (l *Lab) Start(ctx context.Context, o Options) (*Host, error) {
	ctx, cancel := context.WithTimeout(ctx, bootLimit)
	defer cancel()
	if o.Suite == "" {
		o.Suite = Suites()[0]
	}
	if !hostName.MatchString(o.Name) {
		return nil, fmt.Errorf("%q can't be the name of a host", o.Name)
	}
	img, err := findImage(o.Suite)
	if err != nil {
		return nil, err
	}
	def := machineDef{Name: o.Name, Suite: o.Suite, DiskSize: o.DiskSize, Image: img, Binds: o.Binds}
	if o.Deployer {
		def.Binds = append([]string{l.client.dir}, def.Binds...)
	}
	var public []string
	if def.Files, public, err = identity(o.Name, l.client.public); err != nil {
		return nil, err
	}
	if def.Factory, err = factorySystem(); err != nil {
		return nil, err
	}
	if err := makeRoomForHost(); err != nil {
		return nil, fmt.Errorf("starting host %s: %w", o.Name, err)
	}
	if def.Index, err = l.register(o.Name, public); err != nil {
		return nil, fmt.Errorf("starting host %s: %w", o.Name, err)
	}
	if _, err := l.slot.ask(ctx, request{Op: opStart, Start: &def}); err != nil {
		return nil, fmt.Errorf("starting host %s: %w", o.Name, err)
	}
	h, err := l.adopt(ctx, def.Name)
	if err != nil {
		return nil, err
	}
	return h, h.waitUp(ctx, "")
}

// register gives a host its index, and makes it known to clients and to the
// other hosts.
func (l *Lab) register(name string, public []string) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.next
	if n > maxHosts {
		return 0, fmt.Errorf("a lab has %d hosts at most", maxHosts)
	}
	l.next++
	if err := l.client.add(name, l.slot.far(n), public); err != nil {
		return 0, err
	}
	return n, appendTo(filepath.Join(l.dir, hostsName), l.slot.far(n)+" "+name+"\n")
}

// adopt asks what the supervisor knows of a new host.
func (l *Lab) adopt(ctx context.Context, name string) (*Host, error) {
	state, err := l.find(ctx, name)
	if err != nil {
		return nil, err
	}
	h := l.host(state.Name, state.Suite, state.Index, state.Factory)
	l.mu.Lock()
	l.hosts = append(l.hosts, h)
	l.mu.Unlock()
	return h, nil
}

func (l *Lab) find(ctx context.Context, name string) (machineState, error) {
	a, err := l.slot.ask(ctx, request{Op: opStatus})
	if err != nil {
		return machineState{}, err
	}
	for _, state := range a.Hosts {
		if state.Name == name {
			return state, nil
		}
	}
	return machineState{}, fmt.Errorf("host %s is gone", name)
}

func (l *Lab) host(name, suite string, index int, factory string) *Host {
	return &Host{Name: name, Suite: suite, lab: l, addr: l.slot.far(index), factory: factory}
}
