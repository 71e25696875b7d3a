package host

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Limits of what has no limit of its own by the caller's context.
const (
	bootLimit  = 90 * time.Second
	closeLimit = 60 * time.Second
)

// Lab is some hosts, the network between them and the key that opens them. Its
// methods can be called at the same time.
type Lab struct {
	slot   slot
	dir    string
	name   string // of a lab by hand
	client client

	supervisor *exec.Cmd // nil when the lab is somebody else's
	life       *os.File  // the supervisor ends when this is closed

	mu    sync.Mutex
	next  int // index for the next host
	hosts []*Host
}

// New makes an empty lab in a new directory below dir, which is made when
// missing; an empty dir means the system's for temporary files. The lab ends
// with Close, and no later than this process, however that ends.
func New(ctx context.Context, dir string) (*Lab, error) {
	return inFreeSlot(ctx, func(s slot) (*Lab, error) { return newLab(ctx, s, dir, "", false) })
}

// inFreeSlot tries one slot after the other until one is not taken.
func inFreeSlot(ctx context.Context, try func(slot) (*Lab, error)) (*Lab, error) {
	if err := Sweep(ctx); err != nil {
		return nil, err
	}
	for s := firstSlot; s <= lastSlot; s++ {
		if l, err := try(s); l != nil || err != nil {
			return l, err
		}
	}
	return nil, fmt.Errorf("there are %d labs on this machine already", lastSlot-firstSlot+1)
}

// newLab returns nil, without an error, when the slot is taken. A lab with a
// name is found by it; one that is detached outlives this process.
func newLab(ctx context.Context, s slot, dir, name string, detached bool) (*Lab, error) {
	if dir == "" {
		dir = os.TempDir()
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(dir+"/", "/run/") || strings.HasPrefix(dir+"/", "/proc/") {
		return nil, fmt.Errorf("a lab can't be in %s, because it has a /run and a /proc of its own", dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making a lab: %w", err)
	}
	own := filepath.Join(dir, dirPrefix+rand.Text())
	listener, err := s.take(ctx, record{Dir: own, Name: name})
	if listener == nil || err != nil {
		return nil, err
	}
	l := &Lab{slot: s, dir: own, name: name, next: 1}
	if err := l.begin(ctx, listener, detached); err != nil {
		_ = listener.Close()
		return nil, errors.Join(fmt.Errorf("making a lab: %w", err), l.abandon())
	}
	return l, nil
}

// begin makes the lab's files and starts its supervisor, which takes over the
// listener.
func (l *Lab) begin(ctx context.Context, listener *net.UnixListener, detached bool) error {
	if err := os.Mkdir(l.dir, 0o755); err != nil {
		return err
	}
	var err error
	if l.client, err = newClient(filepath.Join(l.dir, clientName)); err != nil {
		return err
	}
	hosts := "127.0.0.1 localhost\n"
	if err := os.WriteFile(filepath.Join(l.dir, hostsName), []byte(hosts), 0o644); err != nil {
		return err
	}
	if err := l.supervise(listener, detached); err != nil {
		return err
	}
	if err := linkMachine(ctx, l.slot, l.supervisor.Process.Pid); err != nil {
		return err
	}
	_, err = l.slot.ask(ctx, request{Op: opNetwork})
	return err
}

// open finds the lab of a slot, whoever made it.
func open(ctx context.Context, s slot) (*Lab, error) {
	a, err := s.ask(ctx, request{Op: opStatus})
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil, ErrNoLab
	}
	if err != nil {
		return nil, err
	}
	l := &Lab{slot: s, dir: a.Dir, next: 1}
	if l.client, err = openClient(filepath.Join(a.Dir, clientName)); err != nil {
		return nil, err
	}
	for _, state := range a.Hosts {
		l.hosts = append(l.hosts, l.host(state.Name, state.Suite, state.Index, state.Factory))
		l.next = max(l.next, state.Index+1)
	}
	return l, nil
}

// Close takes down all hosts and what they have left on this machine.
func (l *Lab) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
	defer cancel()
	_, err := l.slot.ask(ctx, request{Op: opStop})
	if err != nil {
		err = fmt.Errorf("closing the lab: %w", err)
	}
	return errors.Join(err, l.awaitEnd(ctx))
}

// Name is what a lab by hand is called; others have no name.
func (l *Lab) Name() string { return l.name }

// Dir is the lab's directory. It goes with the lab.
func (l *Lab) Dir() string { return l.dir }

// SSHConfig is the path of an ssh_config file with a block for each host, to be
// given to ssh with -F. A host is called by its name or its address.
func (l *Lab) SSHConfig() string { return l.client.config() }

// KnownHosts is the path of the known_hosts file that lists each host's keys,
// under its name and its address.
func (l *Lab) KnownHosts() string { return l.client.knownHosts() }

// Key is the path of the private key that opens each host, to root and to the
// users ops and opspw.
func (l *Lab) Key() string { return l.client.key() }

// Operator is the IPv4 address that hosts see connections from this machine
// come from.
func (l *Lab) Operator() string { return l.slot.near(0) }

// Hosts are the lab's hosts, by name.
func (l *Lab) Hosts() []*Host {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.SortedFunc(slices.Values(l.hosts), func(x, y *Host) int { return strings.Compare(x.Name, y.Name) })
}
