package flake

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// Key is an entry of a node's config.deployment.keys, checked and with
// defaults filled in. It never holds the key's value. Exactly one of HasText,
// File and Command is set.
type Key struct {
	Attr            string // its attribute name
	Name            string // file name on the host, unique among the node's keys
	DestDir         string // absolute and clean
	User, Group     string // names or numbers
	Mode            fs.FileMode
	UploadAt        string // PreActivation or PostActivation
	RestartUnits    []string
	AllowPersistent bool
	Timeout         int      // seconds that Command may take
	HasText         bool     // the value is what KeyTexts returns
	File            string   // of the operator's machine; may be relative to Flake.Dir
	Command         []string // argv
}

// When a key is sent.
const (
	PreActivation  = "pre-activation"
	PostActivation = "post-activation"
)

// Path is where the key is on the host.
func (k Key) Path() string { return path.Join(k.DestDir, k.Name) }

func keyDefaults(attr string) Key {
	return Key{
		Attr:     attr,
		Name:     attr,
		DestDir:  "/run/keys",
		User:     "root",
		Group:    "root",
		Mode:     0o400,
		UploadAt: PreActivation,
		Timeout:  60,
	}
}

// keyOption is one setting of a key. An error's text continues
// "deployment.keys.ATTR.NAME ".
type keyOption struct {
	name string
	read func(*Key, gjson.Result) error
}

// keyOptions is every setting of a key that is read, except for its text.
func keyOptions() []keyOption {
	return []keyOption{
		{"name", func(k *Key, v gjson.Result) error { return readString(&k.Name, v, checkKeyName) }},
		{"destDir", func(k *Key, v gjson.Result) error { return readString(&k.DestDir, v, checkDestDir) }},
		{"user", func(k *Key, v gjson.Result) error { return readString(&k.User, v, checkOwner) }},
		{"group", func(k *Key, v gjson.Result) error { return readString(&k.Group, v, checkOwner) }},
		{"permissions", func(k *Key, v gjson.Result) error { return readMode(&k.Mode, v) }},
		{"uploadAt", func(k *Key, v gjson.Result) error { return readString(&k.UploadAt, v, checkUploadAt) }},
		{"restartUnits", func(k *Key, v gjson.Result) error { return readList(&k.RestartUnits, v, checkUnit) }},
		{"allowPersistent", func(k *Key, v gjson.Result) error { return readBool(&k.AllowPersistent, v) }},
		{"timeout", func(k *Key, v gjson.Result) error { return readSeconds(&k.Timeout, v) }},
		{"keyFile", func(k *Key, v gjson.Result) error { return readKeyFile(&k.File, v) }},
		{"keyCommand", func(k *Key, v gjson.Result) error { return readKeyCommand(&k.Command, v) }},
	}
}

// keyOptionNames is what lib.nix is asked for.
func keyOptionNames() []string {
	var names []string
	for _, o := range keyOptions() {
		names = append(names, o.name)
	}
	return names
}

// parseKeys reads what lib.nix gives for a node's keys: a list.
func parseKeys(list gjson.Result) ([]Key, error) {
	var keys []Key
	named := map[string]string{}
	for _, set := range list.Array() {
		attr := set.Get("attr").String()
		k, err := parseKey(attr, set.Map())
		if err != nil {
			return nil, fmt.Errorf("deployment.keys.%s%w", quoted(attr), err)
		}
		if other, ok := named[k.Name]; ok {
			return nil, fmt.Errorf("deployment.keys.%s.name is %q, as that of deployment.keys.%s: give each a name of its own",
				quoted(attr), k.Name, quoted(other))
		}
		named[k.Name] = attr
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b Key) int { return strings.Compare(a.Attr, b.Attr) })
	return keys, nil
}

// parseKey reads one key. An error's text continues "deployment.keys.ATTR".
func parseKey(attr string, values map[string]gjson.Result) (Key, error) {
	k := keyDefaults(attr)
	if err := checkKeyName(attr); err != nil && !values["name"].Exists() {
		return k, fmt.Errorf(" gives the key its name, %w", err)
	}
	for _, o := range keyOptions() {
		v, ok := values[o.name]
		if !ok {
			continue
		}
		if err := o.read(&k, v); err != nil {
			return k, fmt.Errorf(".%s %w", o.name, err)
		}
	}
	k.HasText = values["hasText"].Bool()
	var sources []string
	for name, set := range map[string]bool{"text": k.HasText, "keyFile": k.File != "", "keyCommand": k.Command != nil} {
		if set {
			sources = append(sources, name)
		}
	}
	slices.Sort(sources)
	switch len(sources) {
	case 0:
		return k, errors.New(" has no source: set one of text, keyFile and keyCommand")
	case 1:
		return k, nil
	}
	return k, fmt.Errorf(" has more than one source, %s: set exactly one", strings.Join(sources, " and "))
}
