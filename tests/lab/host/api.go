package host

import (
	"context"
	"errors"

	"github.com/rs/zerolog"
)

var errSkeleton = errors.New("the lab is not built yet")

// SudoPassword is what sudo asks the user opspw for.
const SudoPassword = "lab-sudo-password"

// Suites are the Debian suites a host can run, from the oldest Nix to the newest.
func Suites() []string { return []string{"bookworm", "trixie", "sid"} }

// Ensure installs the Debian packages the lab needs and builds the root file
// systems that are missing. It is quick when nothing is.
func Ensure(ctx context.Context, log zerolog.Logger) error { return errSkeleton }

// NixEnv is the environment in which a deployer's nix works on this machine
// without a daemon, build users, a sandbox or a cache, as NAME=value.
func NixEnv() []string { return nil }

// Lab is some hosts, the network between them and the key that opens them.
type Lab struct{}

// New makes an empty lab below dir. It ends with Close, or with this process.
func New(ctx context.Context, dir string) (*Lab, error) { return nil, errSkeleton }

// Close takes all hosts and everything they left on this machine away.
func (l *Lab) Close() error { return errSkeleton }

// SSHConfig is the path of an ssh_config file with a block for each host.
func (l *Lab) SSHConfig() string { return "" }

// KnownHosts is the path of the known_hosts file that lists each host's keys.
func (l *Lab) KnownHosts() string { return "" }

// Key is the path of the private key that opens each host.
func (l *Lab) Key() string { return "" }

// Operator is the address that connections from this machine to a host come from.
func (l *Lab) Operator() string { return "" }

// Options says what a host is like. The zero value is not enough: Name is needed.
type Options struct {
	Name     string   // host name, unique in its lab
	Suite    string   // one of Suites; empty means the first
	DiskSize int64    // bytes of disk beyond the image; 0 means what this machine has
	Deployer bool     // has the lab's key, ssh_config and known_hosts, at the paths they have outside
	Binds    []string // files or directories of this machine it sees read-only at the same path
}

// Start boots a host and waits until SSH answers and systemd is done booting.
// Several can start at once.
func (l *Lab) Start(ctx context.Context, o Options) (*Host, error) { return nil, errSkeleton }

// Host is one host of a lab.
type Host struct {
	Name  string
	Suite string
}

// Addr is the host's IPv4 address; sshd listens on port 22 of it.
func (h *Host) Addr() string { return "" }

// Shell runs a script as root on the host, not by way of the network, and
// returns its standard output. A script that fails is an error with its stderr.
func (h *Host) Shell(ctx context.Context, script string) (string, error) { return "", errSkeleton }

// CopyIn copies a file or directory of this machine to a path on the host.
func (h *Host) CopyIn(ctx context.Context, from, to string) error { return errSkeleton }

// Cut takes the host's link down: packets are lost without a word, connections stay open.
func (h *Host) Cut(ctx context.Context) error { return errSkeleton }

// Heal brings the link up again.
func (h *Host) Heal(ctx context.Context) error { return errSkeleton }

// PowerOff kills the host as a power cut would; its disk is kept.
func (h *Host) PowerOff(ctx context.Context) error { return errSkeleton }

// PowerOn boots a host that is off and waits until it is up.
func (h *Host) PowerOn(ctx context.Context) error { return errSkeleton }

// PowerCut is PowerOff and PowerOn.
func (h *Host) PowerCut(ctx context.Context) error { return errSkeleton }

// Reboot asks the host's systemd to reboot and waits until it is up again.
func (h *Host) Reboot(ctx context.Context) error { return errSkeleton }

// BootID is the kernel's ID of the present boot.
func (h *Host) BootID(ctx context.Context) (string, error) { return "", errSkeleton }

// WaitBoot waits until the host is up with another boot ID than previous.
func (h *Host) WaitBoot(ctx context.Context, previous string) error { return errSkeleton }

// WaitSSH waits until the host's sshd answers.
func (h *Host) WaitSSH(ctx context.Context) error { return errSkeleton }

// FactorySystem is the store path of generation 1, which the host came with.
func (h *Host) FactorySystem() string { return "" }
