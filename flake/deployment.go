package flake

import (
	"github.com/tidwall/gjson"

	"flakeops/internal/hostname"
	"flakeops/internal/settings"
)

// defaults are the settings of a node that has none.
func defaults(node string) settings.Settings {
	return settings.Settings{
		TargetHost:                 &node,
		TargetUser:                 "root",
		PrivilegeEscalationCommand: []string{"sudo", "-H", "--"},
		SubstituteOnTarget:         true,
		MagicRollback:              true,
		AutoRollback:               true,
		RebootWhenStranded:         true,
		ConfirmTimeout:             30,
		ActivationTimeout:          300,
	}
}

// option is one setting: its name below config.deployment, and how its value
// is checked and taken over. An error's text continues "deployment.NAME ".
type option struct {
	name string
	read func(*settings.Settings, gjson.Result) error
}

// options is every setting that is read.
func options() []option {
	return []option{
		{"targetHost", func(d *settings.Settings, v gjson.Result) error { return readHost(&d.TargetHost, v) }},
		{"alternateHosts", func(d *settings.Settings, v gjson.Result) error {
			return readList(&d.AlternateHosts, v, hostname.Check)
		}},
		{"targetPort", func(d *settings.Settings, v gjson.Result) error { return readPort(&d.TargetPort, v) }},
		{"targetUser", func(d *settings.Settings, v gjson.Result) error { return readUser(&d.TargetUser, v) }},
		{"sshOptions", func(d *settings.Settings, v gjson.Result) error { return readSSHOptions(&d.SSHOptions, v) }},
		{"privilegeEscalationCommand", func(d *settings.Settings, v gjson.Result) error {
			return readList(&d.PrivilegeEscalationCommand, v, checkLine)
		}},
		{"tags", func(d *settings.Settings, v gjson.Result) error { return readList(&d.Tags, v, checkTag) }},
		{"buildOnTarget", func(d *settings.Settings, v gjson.Result) error { return readBool(&d.BuildOnTarget, v) }},
		{"substituteOnTarget", func(d *settings.Settings, v gjson.Result) error { return readBool(&d.SubstituteOnTarget, v) }},
		{"magicRollback", func(d *settings.Settings, v gjson.Result) error { return readBool(&d.MagicRollback, v) }},
		{"autoRollback", func(d *settings.Settings, v gjson.Result) error { return readBool(&d.AutoRollback, v) }},
		{"rebootWhenStranded", func(d *settings.Settings, v gjson.Result) error { return readBool(&d.RebootWhenStranded, v) }},
		{"confirmTimeout", func(d *settings.Settings, v gjson.Result) error { return readSeconds(&d.ConfirmTimeout, v) }},
		{"activationTimeout", func(d *settings.Settings, v gjson.Result) error { return readSeconds(&d.ActivationTimeout, v) }},
	}
}

// optionNames is what lib.nix is asked for.
func optionNames() []string {
	var names []string
	for _, o := range options() {
		names = append(names, o.name)
	}
	return names
}
