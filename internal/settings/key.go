package settings

import (
	"io/fs"
	"path"
	"strconv"

	"github.com/tidwall/gjson"
)

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

// readKey takes over the options of a key, as the table gives them.
func readKey(m gjson.Result) Key {
	mode, _ := strconv.ParseUint(m.Get("permissions").String(), 8, 9) // the rule is octal
	k := Key{
		Attr:            m.Get("attr").String(),
		Name:            m.Get("name").String(),
		DestDir:         m.Get("destDir").String(),
		User:            m.Get("user").String(),
		Group:           m.Get("group").String(),
		Mode:            fs.FileMode(mode),
		UploadAt:        Phase(m.Get("uploadAt").String()),
		RestartUnits:    list(m.Get("restartUnits")),
		AllowPersistent: m.Get("allowPersistent").Bool(),
		Timeout:         int(m.Get("timeout").Int()),
		HasText:         m.Get("hasText").Bool(),
		File:            m.Get("keyFile").String(),
	}
	if command := m.Get("keyCommand"); command.IsArray() {
		k.Command = list(command)
	}
	return k
}
