package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"flakeops/internal/run"
)

// A slot is a number that a lab has to itself on this machine. Its name for the
// control socket, its subnet, its link and its control group follow from it.
// The slot is taken as long as somebody holds its abstract socket, which the
// kernel takes back from a dead process: no lock file can be stale.
type slot int

const (
	firstSlot slot = 0
	lastSlot  slot = 250

	recordDir = "/var/lib/flakeops-lab"

	// dirPrefix begins the name of every lab's directory.
	dirPrefix = "flakeops-lab-"
)

func (s slot) address() *net.UnixAddr {
	return &net.UnixAddr{Net: "unix", Name: fmt.Sprintf("@flakeops-lab/%d", s)}
}

// link is the end on this machine of the link to the lab.
func (s slot) link() string { return fmt.Sprintf("flakeops%d", s) }

// labsGroup is the control group in which labs have theirs.
const labsGroup = "flakeops-lab"

func (s slot) cgroup() string { return fmt.Sprintf("%s/%d", labsGroup, s) }

func (s slot) record() string { return filepath.Join(recordDir, strconv.Itoa(int(s))) }

// The lab's subnet is a /24. In it, net 0 is a /30 between this machine and
// the lab's router, and net n a /30 between the router and host n.
func (s slot) near(n int) string { return fmt.Sprintf("10.213.%d.%d", s, 4*n+1) }
func (s slot) far(n int) string  { return fmt.Sprintf("10.213.%d.%d", s, 4*n+2) }
func (s slot) subnet() string    { return fmt.Sprintf("10.213.%d.0/24", s) }

// maxHosts is how many /30 nets are left in a lab's subnet.
const maxHosts = 63

// record is what has to be known to clean up after a lab whose processes are
// all gone. It survives a reboot of this machine, since the directory may.
type record struct {
	Dir  string `json:"dir"`            // to remove
	Name string `json:"name,omitempty"` // of a lab by hand
}

// take binds the slot's socket and writes its record. It returns nil without an
// error when somebody else has the slot. What a dead lab left in it is removed.
func (s slot) take(ctx context.Context, r record) (*net.UnixListener, error) {
	if busy, err := s.subnetInUse(); busy || err != nil {
		return nil, err
	}
	l, err := s.listen()
	if l == nil {
		return nil, err
	}
	if err := s.sweep(ctx); err != nil {
		_ = l.Close()
		return nil, err
	}
	text, err := json.Marshal(r)
	if err == nil {
		err = errors.Join(os.MkdirAll(recordDir, 0o755), os.WriteFile(s.record(), text, 0o644))
	}
	if err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("writing down that lab %d exists: %w", s, err)
	}
	return l, nil
}

// subnetInUse says whether this machine has an address in the slot's subnet: a
// lab's, or one that has nothing to do with labs.
func (s slot) subnetInUse() (bool, error) {
	subnet := netip.MustParsePrefix(s.subnet())
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return false, fmt.Errorf("listing this machine's addresses: %w", err)
	}
	for _, a := range addresses {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Overlaps(subnet) {
			return true, nil
		}
	}
	return false, nil
}

func (s slot) listen() (*net.UnixListener, error) {
	l, err := listen(s.address())
	if err != nil {
		return nil, fmt.Errorf("taking lab %d: %w", s, err)
	}
	return l, nil
}

// listen returns nil, without an error, when somebody else has the address.
func listen(address *net.UnixAddr) (*net.UnixListener, error) {
	l, err := net.ListenUnix("unix", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, nil
	}
	return l, err
}

// sweep removes what the slot's last lab has left. The caller holds the slot's
// socket, so all of that lab's supervisor is gone, and with it its namespaces:
// what is left can only be files, control groups and the record itself.
func (s slot) sweep(ctx context.Context) error {
	r, err := s.recall()
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := removeCgroup(ctx, s.cgroup()); err != nil {
		return err
	}
	if _, err := os.Stat("/sys/class/net/" + s.link()); err == nil {
		// The kernel removes it too, a moment after the namespace it leads to.
		_ = ip(ctx, "link", "del", s.link())
	}
	if filepath.IsAbs(r.Dir) && strings.HasPrefix(filepath.Base(r.Dir), dirPrefix) {
		if err := os.RemoveAll(r.Dir); err != nil {
			return fmt.Errorf("removing what lab %d has left: %w", s, err)
		}
	}
	return s.forget()
}

// recall reads the record. One that was written only in part says nothing.
func (s slot) recall() (record, error) {
	text, err := os.ReadFile(s.record())
	if err != nil {
		return record{}, fmt.Errorf("reading what is known of lab %d: %w", s, err)
	}
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return record{}, nil
	}
	return r, nil
}

// recorded are the slots that have a record.
func recorded() ([]slot, error) {
	entries, err := os.ReadDir(recordDir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("looking for labs: %w", err)
	}
	var found []slot
	for _, entry := range entries {
		if n, err := strconv.Atoi(entry.Name()); err == nil {
			found = append(found, slot(n))
		}
	}
	return found, nil
}

// forget removes the record, and the records' directory with the last of them.
func (s slot) forget() error {
	if err := os.Remove(s.record()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("forgetting lab %d: %w", s, err)
	}
	_ = os.Remove(recordDir) // fails, rightly, while it is not empty
	return nil
}

// Sweep removes what labs have left whose processes were killed. Labs that
// live are not touched.
func Sweep(ctx context.Context) error {
	left, err := recorded()
	if err != nil {
		return err
	}
	var failed []error
	for _, s := range left {
		l, err := s.listen()
		if l == nil {
			failed = append(failed, err)
			continue
		}
		failed = append(failed, s.sweep(ctx), l.Close())
	}
	return errors.Join(failed...)
}

// ip runs the program of that name.
func ip(ctx context.Context, args ...string) error {
	_, err := run.Local{}.Run(ctx, run.Command{Argv: append([]string{"ip"}, args...), Env: []string{rootPath()}})
	return err
}
