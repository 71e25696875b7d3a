package resolve

import (
	"fmt"
	"strings"

	"flakeops/internal/hostname"
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
		if err := hostname.Check(h); err != nil {
			return fmt.Errorf("node %q has the host name %q, %w; set deployment.targetHost to an address or a Host of ssh_config", t.Node, h, err)
		}
	}
	if t.User != "" {
		if err := validName(t.User); err != nil {
			return fmt.Errorf("node %q: user name %q %w; correct deployment.targetUser", t.Node, t.User, err)
		}
	}
	if t.Port < 0 || t.Port > 65535 {
		return fmt.Errorf("node %q: port %d is not from 1 to 65535; correct deployment.targetPort", t.Node, t.Port)
	}
	for _, o := range t.Options {
		if strings.ContainsFunc(o, control) || strings.TrimSpace(o) == "" {
			return fmt.Errorf("node %q: ssh option %q is empty or has a control character; correct deployment.sshOptions", t.Node, o)
		}
	}
	return nil
}

// validName holds a user name to what OpenSSH 9.6 and later accept on
// their command line.
func validName(s string) error {
	switch {
	case s == "":
		return fmt.Errorf("is empty")
	case s[0] == '-':
		return fmt.Errorf("begins with a hyphen")
	case strings.ContainsFunc(s, func(r rune) bool { return r == ' ' || control(r) }):
		return fmt.Errorf("has a blank or a control character")
	case strings.ContainsAny(s, "'`\"$\\;&<>|(){}"):
		return fmt.Errorf("has a character that means something to a shell")
	}
	return nil
}

func control(r rune) bool { return r < ' ' || r == 0x7f }
