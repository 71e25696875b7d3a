package host

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
	if err := Sweep(ctx); err != nil {
		return nil, err
	}
	for s := firstSlot; s <= lastSlot; s++ {
		l, err := newLab(ctx, s, dir, false)
		if l != nil || err != nil {
			return l, err
		}
	}
	return nil, fmt.Errorf("there are %d labs on this machine already", lastSlot-firstSlot+1)
}

// NewByHand makes the one lab of this machine that lives on after this process.
// Open finds it.
func NewByHand(ctx context.Context) (*Lab, error) {
	if err := Sweep(ctx); err != nil {
		return nil, err
	}
	l, err := newLab(ctx, handSlot, "/var/tmp", true)
	if l == nil && err == nil {
		return nil, errors.New("the lab is up already; take it down first")
	}
	return l, err
}

// newLab returns nil, without an error, when the slot is taken.
func newLab(ctx context.Context, s slot, dir string, detached bool) (*Lab, error) {
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
	listener, err := s.take(ctx, own)
	if listener == nil || err != nil {
		return nil, err
	}
	l := &Lab{slot: s, dir: own, next: 1}
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

// supervise starts this very program again as the lab's supervisor.
func (l *Lab) supervise(listener *net.UnixListener, detached bool) error {
	def, err := json.Marshal(supervisorDef{Slot: l.slot, Dir: l.dir, Detached: detached})
	if err != nil {
		return err
	}
	socket, err := listener.File()
	if err != nil {
		return err
	}
	defer socket.Close()
	log, err := os.Create(filepath.Join(l.dir, logName))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{supervisorName, string(def)},
		Dir: "/", Env: []string{rootPath(), "LANG=C.UTF-8"},
		Stdout: log, Stderr: log, ExtraFiles: []*os.File{socket},
		SysProcAttr: &syscall.SysProcAttr{
			Setsid:     true,
			Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
		},
	}
	if !detached {
		ours, theirs, err := lifeLine()
		if err != nil {
			return err
		}
		defer theirs.Close()
		l.life, cmd.Stdin = ours, theirs
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the lab's supervisor: %w", err)
	}
	l.supervisor = cmd
	return listener.Close() // from now on the supervisor's only
}

// lifeLine is a pipe of which nobody but this process has the end to write to.
func lifeLine() (ours, theirs *os.File, err error) {
	theirs, ours, err = os.Pipe()
	return ours, theirs, err
}

// ErrNoLab says that no lab was made by hand, or that it is down by now.
var ErrNoLab = errors.New("no lab is up: run `go run ./tests/lab up`")

// Open finds the lab that was made by hand. Without one it is ErrNoLab.
func Open(ctx context.Context) (*Lab, error) { return open(ctx, handSlot) }

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

// awaitEnd waits until the supervisor is gone, and cleans up after it if it
// could not do that itself.
func (l *Lab) awaitEnd(ctx context.Context) error {
	if l.life != nil {
		_ = l.life.Close()
	}
	if l.supervisor != nil {
		stop := context.AfterFunc(ctx, func() { _ = l.supervisor.Process.Kill() })
		err := l.supervisor.Wait()
		stop()
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			log, _ := os.ReadFile(filepath.Join(l.dir, logName))
			return errors.Join(fmt.Errorf("the lab's supervisor: %w: %s", err, log), Sweep(context.WithoutCancel(ctx)))
		}
		return err
	}
	for {
		listener, err := l.slot.listen()
		if err != nil {
			return err
		}
		if listener != nil {
			return listener.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the lab to end: %w", ctx.Err())
		case <-time.After(retryEvery):
		}
	}
}

// abandon removes a lab that did not come to be.
func (l *Lab) abandon() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
	defer cancel()
	if l.supervisor != nil {
		_ = l.supervisor.Process.Kill()
		_ = l.supervisor.Wait()
	}
	if l.life != nil {
		_ = l.life.Close()
	}
	return Sweep(ctx)
}

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
