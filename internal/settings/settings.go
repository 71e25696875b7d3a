// Package settings is what a node's configuration says of its deployment:
// config.deployment, checked and with defaults filled in.
package settings

import (
	"io/fs"
	"path"
)

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

// Phase says when a key is sent.
type Phase string

// The phases of a deployment in which keys are sent.
const (
	PreActivation  Phase = "pre-activation"
	PostActivation Phase = "post-activation"
)

// Key is an entry of a node's deployment.keys. It never holds the key's value.
// Exactly one of HasText, File and Command is set.
type Key struct {
	Attr            string // its name in deployment.keys
	Name            string // its file's name on the host, unique among the node's keys
	DestDir         string // absolute and clean
	User, Group     string // names or numbers
	Mode            fs.FileMode
	UploadAt        Phase
	RestartUnits    []string
	AllowPersistent bool     // DestDir may be on a disk
	Timeout         int      // seconds that Command may take
	HasText         bool     // the value is in the flake
	File            string   // of the operator's machine; absolute, or relative to the flake's directory
	Command         []string // argv; its stdout is the value
}

// Path is where the key is on the host.
func (k Key) Path() string { return path.Join(k.DestDir, k.Name) }
