// Package keys brings secrets to hosts and nowhere else. On the deployer it
// reads them from their sources into memory, all of a node's or none, and sends
// them as one message to the agent on the host, which package install is.
//
// A value is a Secret from its source to the host's stdin: it is in no argv, no
// environment, no file and no error text.
package keys

import (
	"io/fs"
	"path"
	"time"

	"flakeops/keys/message"
)

// Secret is a key's value, which prints as "[secret]".
type Secret = message.Secret

// NewSecret wraps value, which it does not copy.
func NewSecret(value []byte) Secret { return message.NewSecret(value) }

// Phase says when a key is sent.
type Phase string

// The phases of a deployment in which keys are sent.
const (
	PreActivation  Phase = "pre-activation"
	PostActivation Phase = "post-activation"
)

// Key is one entry of a node's deployment.keys. Exactly one of HasText, File
// and Command is set.
type Key struct {
	Attr            string // its name in deployment.keys
	Name            string // its file's name on the host
	DestDir         string
	User, Group     string // name or number
	Mode            fs.FileMode
	UploadAt        Phase
	RestartUnits    []string
	AllowPersistent bool          // DestDir may be on a disk
	HasText         bool          // the value is in the flake
	File            string        // absolute, or relative to the flake's directory
	Command         []string      // argv; its stdout is the value
	Timeout         time.Duration // of Command; 0 means 60 s
}

// Path is where the key is on the host.
func (k Key) Path() string { return path.Join(k.DestDir, k.Name) }

// Value is a key that was read.
type Value struct {
	Key    Key
	Secret Secret
}
