package resolve

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"flakeops/internal/fault"
	"flakeops/internal/remote/sshargs"
	"flakeops/internal/run"
)

// Destination is what one `ssh` command line would be asked to connect to.
type Destination struct {
	Host    string
	Port    int      // 0: ssh_config
	User    string   // empty: ssh_config
	Before  []string // words of NIX_SSHOPTS, or what a jump host inherits of them
	Options []string // as after -o
}

// Args are the arguments of ssh by which it connects there.
func (d Destination) Args() []string {
	argv := slices.Clone(d.Before)
	for _, o := range d.Options {
		argv = append(argv, "-o", o)
	}
	if d.Port != 0 {
		argv = append(argv, "-p", strconv.Itoa(d.Port))
	}
	if d.User != "" {
		argv = append(argv, "-l", d.User)
	}
	return append(argv, "--", d.Host)
}

// Resolver asks the programs that know how a host is reached.
type Resolver struct {
	SSH    string     // empty means "ssh"
	Runner run.Runner // nil means run.Local{}
}

// Resolve asks ssh for its configuration of dst.
func (r Resolver) Resolve(ctx context.Context, dst Destination) (*Config, error) {
	ssh := r.SSH
	if ssh == "" {
		ssh = "ssh"
	}
	out, err := run.Output(ctx, r.runner(), run.Command{Argv: append([]string{ssh, "-G"}, dst.Args()...)})
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, &ConfigError{ssh + " is not in PATH", "install OpenSSH's client, whose configuration decides how hosts are reached"}
	case err != nil:
		return nil, fault.During(fault.Usage, fmt.Errorf("asking for the ssh configuration of %s: %w", dst.Host, err))
	}
	c, err := parseConfig(out)
	if err != nil {
		return nil, fault.During(fault.Usage, fmt.Errorf("%s -G %s: %w", ssh, dst.Host, err))
	}
	c.Original = dst.Host
	e := newExpander(c)
	c.IdentityFiles = e.files(c.IdentityFiles)
	c.CertFiles = e.files(c.CertFiles)
	c.KnownHosts = e.files(c.KnownHosts)
	c.GlobalHosts = e.files(c.GlobalHosts)
	c.Revoked = e.path(c.Revoked)
	c.ProxyCmd = e.percent(c.ProxyCmd)
	return c, nil
}

// Inherited picks from NIX_SSHOPTS what ssh passes on to the ssh that it starts
// for a jump host: the configuration file, and nothing else.
func Inherited(before []string) []string {
	a, err := sshargs.Parse(before)
	if err != nil {
		return nil
	}
	if file, ok := a.Last('F'); ok {
		return []string{"-F", file}
	}
	return nil
}

// Addresses asks the system's own resolver, which knows by nsswitch.conf what DNS
// does not: mDNS, containers, directories. A static program has only getent to
// ask it by.
func (r Resolver) Addresses(ctx context.Context, name string) (addresses []string) {
	out, err := run.Output(ctx, r.runner(), run.Command{Argv: []string{"getent", "ahosts", name}})
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) > 0 && !slices.Contains(addresses, f[0]) {
			addresses = append(addresses, f[0])
		}
	}
	return addresses
}

func (r Resolver) runner() run.Runner {
	if r.Runner == nil {
		return run.Local{}
	}
	return r.Runner
}
