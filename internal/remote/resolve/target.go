package resolve

import (
	"fmt"

	"flakeops/internal/sshname"
)

// Target is a host to connect to. Everything in it is data from a flake.
type Target struct {
	Node       string   // name of the node, for messages
	Host       string   // address, or a Host of ssh_config
	Alternates []string // tried in order after Host
	Port       int      // 0: what ssh_config says
	User       string   // empty: what ssh_config says
	Options    []string // as `ssh -o` takes them
	Elevate    []string // argv that makes a command run as root, such as sudo -H --
}

// Validate refuses what ssh, the shell of a ProxyCommand or known_hosts could
// take for something else.
func (t Target) Validate() error {
	for _, h := range append([]string{t.Host}, t.Alternates...) {
		if !sshname.Host(h) {
			return fmt.Errorf("node %q has the host name %q, which cannot be one; set deployment.targetHost to an address or a Host of ssh_config", t.Node, h)
		}
	}
	if t.User != "" && !sshname.User(t.User) {
		return fmt.Errorf("node %q has the user name %q, which cannot be one; correct deployment.targetUser", t.Node, t.User)
	}
	if t.Port < 0 || t.Port > 65535 {
		return fmt.Errorf("node %q: port %d is not from 1 to 65535; correct deployment.targetPort", t.Node, t.Port)
	}
	for _, o := range t.Options {
		if !sshname.Option(o) {
			return fmt.Errorf("node %q: ssh option %q is empty or has a control character; correct deployment.sshOptions", t.Node, o)
		}
	}
	return nil
}
