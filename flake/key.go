package flake

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"flakeops/internal/settings"
)

func keyDefaults(attr string) settings.Key {
	return settings.Key{
		Attr:     attr,
		Name:     attr,
		DestDir:  "/run/keys",
		User:     "root",
		Group:    "root",
		Mode:     0o400,
		UploadAt: settings.PreActivation,
		Timeout:  60,
	}
}

// keyOption is one setting of a key. An error's text continues
// "deployment.keys.ATTR.NAME ".
type keyOption struct {
	name string
	read func(*settings.Key, gjson.Result) error
}

// keyOptions is every setting of a key that is read, except for its text.
func keyOptions() []keyOption {
	return []keyOption{
		{"name", func(k *settings.Key, v gjson.Result) error { return readString(&k.Name, v, checkKeyName) }},
		{"destDir", func(k *settings.Key, v gjson.Result) error { return readString(&k.DestDir, v, checkDestDir) }},
		{"user", func(k *settings.Key, v gjson.Result) error { return readString(&k.User, v, checkOwner) }},
		{"group", func(k *settings.Key, v gjson.Result) error { return readString(&k.Group, v, checkOwner) }},
		{"permissions", func(k *settings.Key, v gjson.Result) error { return readMode(&k.Mode, v) }},
		{"uploadAt", func(k *settings.Key, v gjson.Result) error { return readPhase(&k.UploadAt, v) }},
		{"restartUnits", func(k *settings.Key, v gjson.Result) error { return readList(&k.RestartUnits, v, checkUnit) }},
		{"allowPersistent", func(k *settings.Key, v gjson.Result) error { return readBool(&k.AllowPersistent, v) }},
		{"timeout", func(k *settings.Key, v gjson.Result) error { return readSeconds(&k.Timeout, v) }},
		{"keyFile", func(k *settings.Key, v gjson.Result) error { return readKeyFile(&k.File, v) }},
		{"keyCommand", func(k *settings.Key, v gjson.Result) error { return readKeyCommand(&k.Command, v) }},
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
func parseKeys(list gjson.Result) ([]settings.Key, error) {
	var keys []settings.Key
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
	slices.SortFunc(keys, func(a, b settings.Key) int { return strings.Compare(a.Attr, b.Attr) })
	return keys, nil
}

// parseKey reads one key. An error's text continues "deployment.keys.ATTR".
func parseKey(attr string, values map[string]gjson.Result) (settings.Key, error) {
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
