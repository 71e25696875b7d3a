package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// supervisorName is the name under which a program that uses this package
// starts itself again to become a lab's supervisor.
const supervisorName = "flakeops-lab-supervisor"

const (
	lifeFD     = 0 // ends when the lab's owner does; /dev/null for a lab by hand
	listenerFD = 3
)

// A test binary has no main of ours to dispatch from, and no other function
// that is sure to be called.
func init() {
	if len(os.Args) == 2 && os.Args[0] == supervisorName {
		if err := superviseMain(os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// supervisorDef is the supervisor's argument.
type supervisorDef struct {
	Slot     slot   `json:"slot"`
	Dir      string `json:"dir"`
	Detached bool   `json:"detached"` // live until told to stop, not only as long as the owner
}

// supervisor is process 1 of the lab's process namespace, so all of the lab
// dies with it; it owns the mount namespace with the hosts' disks, and the
// network namespace that is the router between them.
type supervisor struct {
	def  supervisorDef
	stop context.CancelFunc

	mu       sync.Mutex
	machines map[string]*machine
}

func superviseMain(arg string) error {
	// The main thread stands for the process in /proc, so it is not for one
	// that goes into a host.
	runtime.LockOSThread()
	var def supervisorDef
	if err := json.Unmarshal([]byte(arg), &def); err != nil {
		return fmt.Errorf("reading what to supervise: %w", err)
	}
	listener, err := net.FileListener(os.NewFile(listenerFD, "control socket"))
	if err != nil {
		return fmt.Errorf("taking over the control socket: %w", err)
	}
	control, ok := listener.(*net.UnixListener)
	if !ok {
		return errors.New("the control socket is no unix socket")
	}
	unix.CloseOnExec(listenerFD)

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	s := &supervisor{def: def, stop: stop, machines: make(map[string]*machine)}
	if err := ownNamespaces(ctx); err != nil {
		return errors.Join(err, s.tearDown())
	}
	if !def.Detached {
		go func() {
			b := make([]byte, 1)
			_, _ = os.NewFile(lifeFD, "life line").Read(b)
			stop()
		}()
	}
	go serve(ctx, control, s.handle)
	<-ctx.Done()
	// The socket stays open until this process ends: until then, the slot is taken.
	return s.tearDown()
}

// ownNamespaces makes the new namespaces usable.
func ownNamespaces(ctx context.Context) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	// What ip and systemd-nspawn leave in /run goes with the namespace.
	if err := unix.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mounting /run: %w", err)
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0); err != nil {
		return fmt.Errorf("making a router: %w", err)
	}
	return ip(ctx, "link", "set", "lo", "up")
}

// tearDownLimit bounds an orderly end. What it leaves undone, the end of this
// process does, and the next sweep.
const tearDownLimit = 20 * time.Second

// tearDown ends all hosts and removes everything that would outlive this process.
func (s *supervisor) tearDown() error {
	ctx, cancel := context.WithTimeout(context.Background(), tearDownLimit)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	var group errgroup.Group
	for _, m := range s.machines {
		group.Go(func() error { return m.remove(ctx) })
	}
	err := group.Wait()
	if _, statErr := net.InterfaceByName(uplink); statErr == nil {
		// Here and now; the end of the namespace would remove it some time later.
		err = errors.Join(err, ip(ctx, "link", "del", uplink))
	}
	if err := errors.Join(err, removeCgroup(ctx, s.def.Slot.cgroup())); err != nil {
		return err // and keep the record and the log, until the next sweep
	}
	return errors.Join(os.RemoveAll(s.def.Dir), s.def.Slot.forget())
}

func (s *supervisor) handle(ctx context.Context, r request) answer {
	a, err := s.answer(ctx, r)
	if err != nil {
		a.Error = err.Error()
	}
	return a
}

func (s *supervisor) answer(ctx context.Context, r request) (answer, error) {
	switch r.Op {
	case opNetwork:
		return answer{}, layUplink(ctx, s.def.Slot)
	case opStart:
		return answer{}, s.start(ctx, r.Start)
	case opStatus:
		return s.status(), nil
	case opStop:
		s.stop()
		return answer{}, nil
	}
	m, err := s.find(r.Host)
	if err != nil {
		return answer{}, err
	}
	switch r.Op {
	case opSettle:
		return m.settle(ctx, r.Previous)
	case opShell:
		return m.shell(ctx, r.Script)
	case opCopyIn:
		return answer{}, m.copyIn(ctx, r.From, r.To)
	case opCut:
		return answer{}, m.setCut(ctx, true)
	case opHeal:
		return answer{}, m.setCut(ctx, false)
	case opOff:
		return answer{}, m.powerOff(ctx)
	case opOn:
		return answer{}, m.powerOn(ctx)
	}
	return answer{}, fmt.Errorf("no such request: %q", r.Op)
}

func (s *supervisor) find(name string) (*machine, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.machines[name]; m != nil {
		return m, nil
	}
	return nil, fmt.Errorf("no such host: %q", name)
}

// start makes a host. The host is known from its first moment, so that it is
// taken down whatever happens while it starts.
func (s *supervisor) start(ctx context.Context, def *machineDef) error {
	if def == nil {
		return errors.New("nothing said about the host to start")
	}
	m := newMachine(s.def.Slot, filepath.Join(s.def.Dir, "hosts", def.Name), s.hostsFile(), *def)
	s.mu.Lock()
	if s.machines[def.Name] != nil {
		s.mu.Unlock()
		return fmt.Errorf("there is a host %q already", def.Name)
	}
	s.machines[def.Name] = m
	s.mu.Unlock()
	if err := m.create(ctx); err != nil {
		return err
	}
	return m.powerOn(ctx)
}

// hostsFile is /etc/hosts of all hosts.
func (s *supervisor) hostsFile() string { return filepath.Join(s.def.Dir, hostsName) }

func (s *supervisor) status() answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := answer{Dir: s.def.Dir}
	for _, m := range s.machines {
		a.Hosts = append(a.Hosts, m.state())
	}
	slices.SortFunc(a.Hosts, func(x, y machineState) int { return strings.Compare(x.Name, y.Name) })
	return a
}
