package install

import (
	"fmt"
	"path/filepath"
	"slices"

	"flakeops/keys/message"
)

// owed are the keys that changed and whose units were not restarted since: a Pre
// message restarts nothing, and what should have followed may not have come. It
// is in memory, for a reboot leaves nothing to restart.
type owed struct {
	Version int      `json:"version"`
	Names   []string `json:"names"` // sorted
}

func (i *installer) owedFile() string { return filepath.Join(i.runDir(), "keys.changed") }

func (i *installer) readOwed() (owed, error) {
	o := owed{Version: stateVersion}
	if _, err := readState(i.owedFile(), &o); err != nil {
		return owed{}, err
	}
	if o.Version != stateVersion {
		return owed{}, fmt.Errorf("%s has version %d, not %d: restart by hand what uses a changed key, then remove it", i.owedFile(), o.Version, stateVersion)
	}
	return o, nil
}

// owe adds the keys that j changed.
func (i *installer) owe(j *journal) error {
	o, err := i.readOwed()
	if err != nil {
		return err
	}
	before := o.Names
	for _, e := range j.Entries {
		if e.Temp != "" {
			o.Names = append(o.Names, e.Name)
		}
	}
	if o.Names = sorted(o.Names); slices.Equal(o.Names, before) {
		return nil
	}
	return writeState(i.owedFile(), o)
}

// units are those to restart because of keys in m.
func (o owed) units(m message.Message) []string {
	var units []string
	for _, k := range m.Keys {
		if slices.Contains(o.Names, k.Name) {
			units = append(units, k.RestartUnits...)
		}
	}
	return sorted(units)
}
