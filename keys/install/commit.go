package install

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"flakeops/keys/message"
)

// carryOut does what is planned, all or nothing. An errAfter says that it is
// done but for the cleaning up.
func (i *installer) carryOut(p *plan) error {
	j := i.journal(p)
	if len(j.Entries) == 0 {
		return i.remember(p)
	}
	if err := i.record(j, writing); err != nil {
		p.dirs.unmake()
		return err
	}
	if err := i.writeAll(p, j); err != nil {
		errDrop := dropTemps(j, p.dirs)
		if errDrop == nil {
			errDrop = removeState(j.file)
		}
		p.dirs.unmake()
		return errors.Join(err, errDrop)
	}
	err := i.record(j, committing)
	if err == nil {
		err = i.replace(j, p.dirs)
	}
	if err != nil {
		return errors.Join(err, i.undo(j, p.dirs))
	}
	if err := i.finish(j, p.dirs); err != nil {
		return &errAfter{err}
	}
	return nil
}

// errAfter is a failure after the keys are in their place.
type errAfter struct{ err error }

func (e *errAfter) Error() string {
	return "the keys are installed; cleaning up after it is left to the next call: " + e.err.Error()
}

// remember records what is installed when there is nothing else to do.
func (i *installer) remember(p *plan) error {
	if p.old.equal(p.new) {
		return nil
	}
	if err := writeState(i.manifestFile(), p.new); err != nil {
		return &errAfter{err}
	}
	return nil
}

// writeAll makes the temporary files. They and their names last before it is
// recorded that they are there.
func (i *installer) writeAll(p *plan, j *journal) error {
	n := 0
	for _, it := range p.items {
		if it.state == message.Present {
			continue
		}
		if err := i.write(it, j.Entries[n].Temp); err != nil {
			return fmt.Errorf("key %s: %w", it.key.Name, err)
		}
		n++
	}
	return j.sync(p.dirs)
}

// replace brings everything to its place. Whatever fails can be undone: what
// was there before keeps a name.
func (i *installer) replace(j *journal, open *dirs) error {
	for _, e := range j.Entries {
		if e.Temp == "" || e.Old == "" {
			continue
		}
		d := open.open[e.Dir]
		err := i.before("keep", e.Dir+"/"+e.Name, nil)
		if err == nil {
			err = unix.Linkat(d.fd(), e.Name, d.fd(), e.Old, 0)
		}
		if err != nil {
			return fmt.Errorf("key %s: keeping the old value until all is done: %w", e.Name, err)
		}
	}
	for _, e := range j.Entries {
		d, from, to := open.open[e.Dir], e.Temp, e.Name
		if e.Temp == "" {
			from, to = e.Name, e.Old
		}
		err := i.before("rename", e.Dir+"/"+e.Name, nil)
		if err == nil {
			err = unix.Renameat(d.fd(), from, d.fd(), to)
		}
		if err != nil {
			return fmt.Errorf("key %s: renaming: %w", e.Name, err)
		}
	}
	err := i.before("sync", "", nil)
	if err == nil {
		err = j.sync(open)
	}
	return err
}

// finish makes the new set the only one.
func (i *installer) finish(j *journal, open *dirs) error {
	var failed []error
	for _, e := range j.Entries {
		if e.Old != "" {
			failed = append(failed, i.before("drop", e.Dir+"/"+e.Name, nil), open.unlink(e.Dir, e.Old))
		}
	}
	if err := errors.Join(failed...); err != nil {
		return err
	}
	if err := i.before("manifest", i.manifestFile(), nil); err != nil {
		return err
	}
	if now, err := i.readManifest(); err != nil || !now.equal(j.Manifest) {
		if err := writeState(i.manifestFile(), j.Manifest); err != nil {
			return fmt.Errorf("writing %s: %w", i.manifestFile(), err)
		}
	}
	if err := i.before("owe", i.owedFile(), nil); err != nil {
		return err
	}
	if err := i.owe(j); err != nil {
		return fmt.Errorf("writing %s: %w", i.owedFile(), err)
	}
	if err := i.before("done", j.file, nil); err != nil {
		return err
	}
	return removeState(j.file)
}

// undo takes back what replace did.
func (i *installer) undo(j *journal, open *dirs) error {
	// Without this record a call that dies now would be completed by the next
	// one; that it cannot be written is no reason to leave things half done, nor
	// to leave a journal of what is taken back.
	errRecord := i.record(j, undoing)
	err := i.backward(j, open)
	if err == nil {
		err = removeState(j.file)
	}
	open.unmake()
	if err != nil {
		return fmt.Errorf("taking it back: %w", errors.Join(errRecord, err))
	}
	return nil
}

// sync makes renamings last in the directories that are on disk.
func (j *journal) sync(open *dirs) error {
	done := map[string]bool{}
	for _, e := range j.Entries {
		d := open.open[e.Dir]
		if d == nil || d.memory || done[e.Dir] {
			continue
		}
		done[e.Dir] = true
		if err := d.f.Sync(); err != nil {
			return err
		}
	}
	return nil
}
