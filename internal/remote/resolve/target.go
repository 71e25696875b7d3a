package resolve

import (
	"fmt"

	"flakeops/internal/sshname"
)

// Target is a host to connect to. Everything in it is data from a flake.
type Target struct {
	Node       string   // name of the node, for questions and the log
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
			return &ConfigError{fmt.Sprintf("the host name %q cannot be one", h), "set deployment.targetHost to an address or a Host of ssh_config"}
		}
	}
	if t.User != "" && !sshname.User(t.User) {
		return &ConfigError{fmt.Sprintf("the user name %q cannot be one", t.User), "correct deployment.targetUser"}
	}
	if t.Port < 0 || t.Port > 65535 {
		return &ConfigError{fmt.Sprintf("port %d is not from 1 to 65535", t.Port), "correct deployment.targetPort"}
	}
	for _, o := range t.Options {
		if !sshname.Option(o) {
			return &ConfigError{fmt.Sprintf("ssh option %q is empty or has a control character", o), "correct deployment.sshOptions"}
		}
	}
	return nil
}
