package message

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"flakeops/internal/nixname"
)

const (
	maxName  = 200  // bytes
	maxUnits = 236  // bytes of the name in those of its units, where a + takes four
	maxDir   = 3800 // bytes, below PATH_MAX with the name
	maxOwner = 256
	maxUnit  = 255
)

// What the agent does as root, it does with words of these forms alone. The rules of
// flake/schema.nix, which tell a user what is wrong, are the same; a test holds the
// two together.
var (
	namePattern  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.:@+-]*$`)
	dirPattern   = regexp.MustCompile(`^(/[A-Za-z0-9_.:@+-]+)+$`)
	ownerPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*\$?$`)
	unitPattern  = regexp.MustCompile(`^[A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\-]*\.(service|socket|target|timer|path|mount|automount|swap|slice|scope|device)$`)
)

// CheckName says what is wrong with the name of a key: it becomes a file and
// part of the names of units, so nothing is allowed that could mean more there.
func CheckName(name string) error {
	switch {
	case len(name) > maxName || len(strings.ReplaceAll(name, "+", `\x2b`)) > maxUnits:
		return fmt.Errorf("%.20q... is no name for a key: it is longer than %d bytes", name, maxName)
	case !namePattern.MatchString(name):
		return fmt.Errorf("%q is no name for a key: use letters, digits and _.:@+- and begin with a letter, a digit or _", name)
	}
	return nil
}

// Check says what is wrong with a key, apart from its value.
func (k Key) Check() error {
	if err := CheckName(k.Name); err != nil {
		return err
	}
	if err := errors.Join(checkDir(k.Dir), checkOwner("user", k.User), checkOwner("group", k.Group)); err != nil {
		return fmt.Errorf("key %s: %w", k.Name, err)
	}
	if k.Mode&^fs.ModePerm != 0 {
		return fmt.Errorf("key %s: permissions %#o are none of a file: use 0000 to 0777", k.Name, uint32(k.Mode))
	}
	for _, u := range k.RestartUnits {
		if err := checkUnit(u); err != nil {
			return fmt.Errorf("key %s: %w", k.Name, err)
		}
	}
	return nil
}

func checkDir(dir string) error {
	switch {
	case !dirPattern.MatchString(dir) || path.Clean(dir) != dir || len(dir) > maxDir:
		return fmt.Errorf("%.100q is no destination directory: give an absolute path without . and .. and double slashes", dir)
	case nixname.InStore(dir):
		return errors.New("the destination is in the store, which all can read")
	}
	return nil
}

func checkOwner(kind, name string) error {
	if !ownerPattern.MatchString(name) || len(name) > maxOwner {
		return fmt.Errorf("%.100q is no name of a %s", name, kind)
	}
	return nil
}

func checkUnit(unit string) error {
	if len(unit) > maxUnit || !unitPattern.MatchString(unit) {
		return fmt.Errorf("%.100q is no name of a unit", unit)
	}
	return nil
}

// check says what is wrong with the message as a whole. Digests are set.
func (m Message) check() error {
	switch m.Mode {
	case Pre, Full, Check:
	default:
		return fmt.Errorf("unknown mode %.20q", m.Mode)
	}
	if len(m.Keys) > MaxKeys {
		return fmt.Errorf("%d keys are more than the %d that a host can have", len(m.Keys), MaxKeys)
	}
	var total int64
	names, paths := map[string]bool{}, map[string]bool{}
	for _, k := range m.Keys {
		if err := k.Check(); err != nil {
			return err
		}
		if len(k.RestartUnits) > maxList {
			return fmt.Errorf("key %s: %d units to restart are more than %d", k.Name, len(k.RestartUnits), maxList)
		}
		if names[k.Name] {
			return fmt.Errorf("two keys are named %s", k.Name)
		}
		names[k.Name], paths[k.Path()] = true, true
		if k.Digest == nil && m.Mode == Check {
			continue
		}
		switch {
		case k.Digest == nil || k.Digest.Size <= 0:
			return fmt.Errorf("key %s is empty", k.Name)
		case k.Digest.Size > MaxValue:
			return fmt.Errorf("key %s is larger than %d MiB", k.Name, MaxValue>>20)
		}
		if total += k.Digest.Size; total > MaxTotal {
			return fmt.Errorf("the keys are larger than %d MiB together", MaxTotal>>20)
		}
	}
	for _, k := range m.Keys {
		for dir := k.Dir; dir != "/"; dir = path.Dir(dir) {
			if paths[dir] {
				return fmt.Errorf("key %s cannot be in %s, which is a key itself", k.Name, dir)
			}
		}
	}
	return nil
}
