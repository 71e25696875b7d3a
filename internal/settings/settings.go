// Package settings is what a node's configuration says of its deployment. The
// table of the options, their rules and their defaults is flake/schema.nix, which is
// applied where the configuration is evaluated: what arrives here is complete and
// has passed the rules.
package settings

import "github.com/tidwall/gjson"

// Settings are those of one node.
type Settings struct {
	TargetHost                 *string // nil: never deployed
	AlternateHosts             []string
	TargetPort                 *int     // nil: what ssh_config says
	TargetUser                 string   // "": what ssh_config says
	SSHOptions                 []string // as ssh -o takes them
	PrivilegeEscalationCommand []string // argv prefix, used when TargetUser is not root
	Tags                       []string
	BuildOnTarget              bool
	SubstituteOnTarget         bool
	MagicRollback              bool
	AutoRollback               bool
	RebootWhenStranded         bool
	ConfirmTimeout             int   // seconds
	ActivationTimeout          int   // seconds
	Keys                       []Key // sorted by Attr

	// What the configuration says besides.

	Platform  string // of the host, such as x86_64-linux; "" where only the system tells
	Kind      string // what it is instead of a machine: "a container", "an ISO image"; mostly ""
	Addressed bool   // something sets TargetHost, rather than the node's name being that
	NoSwitch  bool   // it cannot be activated: system.switch.enable is false
}

// Read takes over the options of a node, as the table gives them.
func Read(m gjson.Result) Settings {
	s := Settings{
		AlternateHosts:             list(m.Get("alternateHosts")),
		TargetUser:                 m.Get("targetUser").String(),
		SSHOptions:                 list(m.Get("sshOptions")),
		PrivilegeEscalationCommand: list(m.Get("privilegeEscalationCommand")),
		Tags:                       list(m.Get("tags")),
		BuildOnTarget:              m.Get("buildOnTarget").Bool(),
		SubstituteOnTarget:         m.Get("substituteOnTarget").Bool(),
		MagicRollback:              m.Get("magicRollback").Bool(),
		AutoRollback:               m.Get("autoRollback").Bool(),
		RebootWhenStranded:         m.Get("rebootWhenStranded").Bool(),
		ConfirmTimeout:             int(m.Get("confirmTimeout").Int()),
		ActivationTimeout:          int(m.Get("activationTimeout").Int()),
	}
	if host := m.Get("targetHost"); host.Type == gjson.String {
		s.TargetHost = new(host.String())
	}
	if port := m.Get("targetPort"); port.Type == gjson.Number {
		s.TargetPort = new(int(port.Int()))
	}
	for _, key := range m.Get("keys").Array() {
		s.Keys = append(s.Keys, readKey(key))
	}
	return s
}

// list reads a list of strings.
func list(v gjson.Result) []string {
	words := []string{}
	for _, word := range v.Array() {
		words = append(words, word.String())
	}
	return words
}
