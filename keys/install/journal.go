package install

import (
	"crypto/rand"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"flakeops/keys/message"
)

// journal is what a call is about to do, written before it does it.
type journal struct {
	Version  int      `json:"version"`
	State    string   `json:"state"`
	Entries  []entry  `json:"entries"`
	Manifest manifest `json:"manifest"` // once it is done

	file string
}

// The states of a journal.
const (
	writing    = "writing"    // temporary files are being made
	committing = "committing" // all of them are whole
	undoing    = "undoing"    // a renaming failed
)

// entry is one name in one directory that is to change.
type entry struct {
	Dir  string `json:"dir"`
	Name string `json:"name"`
	Temp string `json:"temp,omitempty"` // holds the new value; empty: the key is removed
	Old  string `json:"old,omitempty"`  // what is there now, until all is done; empty: nothing
}

// tempPrefix begins with a dot, which the name of a key cannot.
const tempPrefix = ".flakeops-key-"

func tempName() string { return tempPrefix + rand.Text() }

// journal lists what the plan changes. It is kept where it lasts as long as the
// files that it is about.
func (i *installer) journal(p *plan) *journal {
	j := &journal{Version: stateVersion, State: writing, Manifest: p.new, file: i.journalFiles()[0]}
	add := func(e entry) {
		j.Entries = append(j.Entries, e)
		if !p.dirs.open[e.Dir].memory {
			j.file = i.journalFiles()[1]
		}
	}
	for _, it := range p.items {
		if it.state == message.Present {
			continue
		}
		e := entry{Dir: it.key.Dir, Name: it.key.Name, Temp: tempName()}
		if it.state != message.Missing {
			e.Old = tempName()
		}
		add(e)
	}
	for _, key := range p.remove {
		add(entry{Dir: path.Dir(key), Name: path.Base(key), Old: tempName()})
	}
	return j
}

func (i *installer) journalFiles() []string {
	return []string{filepath.Join(i.runDir(), "keys.journal"), filepath.Join(i.stateDir(), "keys.journal")}
}

func (i *installer) record(j *journal, state string) error {
	if err := i.before("journal "+state, j.file, nil); err != nil {
		return err
	}
	j.State = state
	if err := writeState(j.file, j); err != nil {
		return fmt.Errorf("writing %s: %w", j.file, err)
	}
	return nil
}

// resume goes on from the journal that a call left which did not end.
func (i *installer) resume() error {
	var failed []error
	for _, file := range i.journalFiles() {
		j := &journal{}
		there, err := readState(file, j)
		if err == nil && there {
			j.file = file
			if err = j.check(); err == nil {
				err = i.goOn(j)
			}
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

func (i *installer) goOn(j *journal) error {
	open := &dirs{}
	defer open.close()
	var err error
	switch j.State {
	case writing:
		err = dropTemps(j, open)
	case undoing:
		err = i.backward(j, open)
	default:
		if err := i.forward(j, open); err != nil {
			return err
		}
		return i.finish(j, open)
	}
	if err != nil {
		return err
	}
	return removeState(j.file)
}

func (j *journal) check() error {
	bad := j.Version != stateVersion || j.State != writing && j.State != committing && j.State != undoing
	for _, e := range j.Entries {
		bad = bad || !path.IsAbs(e.Dir) || path.Clean(e.Dir) != e.Dir || message.CheckName(e.Name) != nil ||
			e.Temp == "" && e.Old == ""
		for _, temp := range []string{e.Temp, e.Old} {
			bad = bad || temp != "" && (!strings.HasPrefix(temp, tempPrefix) || strings.Contains(temp, "/"))
		}
	}
	if bad {
		return fmt.Errorf("%s is damaged: look at the keys that it names, then remove it", j.file)
	}
	return nil
}
