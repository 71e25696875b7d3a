package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"
)

// exitReboot is how systemd-nspawn ends when the machine in it reboots.
const exitReboot = 133

// machine is a host, seen from the supervisor.
type machine struct {
	slot      slot
	dir       string // for its disk and its console's log
	hostsFile string
	def       machineDef

	imageLock *flock.Flock
	factory   string // store path of its first system

	mu      sync.Mutex
	present *boot // nil: it is off
	cut     bool
	gone    bool // it is being removed, and never boots again
}

// boot is one run of systemd-nspawn, from a boot to the end of it.
type boot struct {
	cmd   *exec.Cmd
	power bool          // whether to boot again if it ends in a reboot
	ended chan struct{} // closed when all of it is gone
}

func newMachine(s slot, dir, hostsFile string, def machineDef) *machine {
	return &machine{slot: s, dir: dir, hostsFile: hostsFile, def: def}
}

func (m *machine) cgroup() string { return m.slot.cgroup() + "/" + m.def.Name }

func (m *machine) state() machineState {
	m.mu.Lock()
	defer m.mu.Unlock()
	return machineState{
		Name: m.def.Name, Suite: m.def.Suite, Index: m.def.Index, DiskSize: m.def.DiskSize,
		Factory: m.factory, On: m.present != nil, Cut: m.cut,
	}
}

// powerOn boots the machine; it does not wait until it is up.
func (m *machine) powerOn(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.present != nil {
		return fmt.Errorf("host %s is on already", m.def.Name)
	}
	return m.boot(ctx)
}

// boot needs m.mu. A boot gets a new network namespace, since a machine that
// boots has no firewall rules left from before.
func (m *machine) boot(ctx context.Context) error {
	if m.gone {
		return fmt.Errorf("host %s is being removed", m.def.Name)
	}
	if err := m.layNetwork(ctx); err != nil {
		return err
	}
	group, err := makeCgroup(ctx, m.cgroup())
	if err != nil {
		return err
	}
	groupFD, err := os.Open(group)
	if err != nil {
		return err
	}
	defer groupFD.Close()
	console, err := os.OpenFile(filepath.Join(m.dir, "console.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer console.Close()

	argv := []string{
		"--quiet", "--register=no", "--keep-unit", "--settings=no",
		"--resolv-conf=off", "--timezone=off", "--link-journal=no",
		"--network-namespace-path=/run/netns/" + m.def.Name,
		"--capability=CAP_NET_ADMIN", // its own firewall: an activation can lock everybody out
		"--directory=" + m.root(), "--machine=" + m.def.Name, "--hostname=" + m.def.Name,
		"--bind-ro=" + bindPath(m.hostsFile) + ":/etc/hosts",
	}
	for _, path := range m.def.Binds {
		argv = append(argv, "--bind-ro="+bindPath(path))
	}
	cmd := exec.Command("systemd-nspawn", append(argv, "--console=pipe", "--boot")...)
	cmd.Env = append(os.Environ(), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1")
	cmd.Stdout, cmd.Stderr = console, console
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, UseCgroupFD: true, CgroupFD: int(groupFD.Fd())}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("booting host %s: %w", m.def.Name, err)
	}
	b := &boot{cmd: cmd, power: true, ended: make(chan struct{})}
	m.present = b
	go m.watch(b)
	return nil
}

// watch waits for a boot's end and boots again after a reboot.
func (m *machine) watch(b *boot) {
	_ = b.cmd.Wait() // only the status counts
	ctx := context.Background()
	m.mu.Lock()
	defer m.mu.Unlock()
	defer close(b.ended)
	m.present = nil
	err := errors.Join(m.cutNetwork(ctx), removeCgroup(ctx, m.cgroup()))
	if b.power && b.cmd.ProcessState.ExitCode() == exitReboot {
		err = errors.Join(err, m.boot(ctx))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "host %s: %v\n", m.def.Name, err)
	}
}

// powerOff kills the machine's process 1, and the kernel all others of it, and
// waits until the machine is gone.
func (m *machine) powerOff(ctx context.Context) error {
	m.mu.Lock()
	b := m.present
	if b == nil {
		m.mu.Unlock()
		return fmt.Errorf("host %s is off already", m.def.Name)
	}
	b.power = false
	// Until there is a process 1, and if it is gone by now, the manager itself
	// will do: all that it started is set to die with it.
	victim := b.cmd.Process.Pid
	if pid, ok := initOf(b.cmd.Process.Pid); ok {
		victim = pid
	}
	_ = unix.Kill(victim, unix.SIGKILL)
	m.mu.Unlock()
	select {
	case <-b.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for host %s to end: %w", m.def.Name, ctx.Err())
	}
}

// remove ends the machine for good. Its files are the caller's to remove.
func (m *machine) remove(ctx context.Context) error {
	m.mu.Lock()
	m.gone = true
	on := m.present != nil
	m.mu.Unlock()
	var err error
	if on {
		err = m.powerOff(ctx)
	}
	err = errors.Join(err, m.unmount())
	if m.imageLock != nil {
		err = errors.Join(err, m.imageLock.Close())
	}
	return err
}

// bindPath escapes what systemd-nspawn takes for a separator in a path.
func bindPath(path string) string {
	return strings.NewReplacer(`\`, `\\`, ":", `\:`).Replace(path)
}
