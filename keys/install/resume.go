package install

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Each of these may find any part of its work done already, by a call that died
// in it, and directories in memory gone with everything in them.

// dropTemps removes values that did not come to be committed.
func dropTemps(j *journal, open *dirs) error {
	var failed []error
	for _, e := range j.Entries {
		if e.Temp != "" {
			failed = append(failed, open.unlink(e.Dir, e.Temp))
		}
	}
	return errors.Join(failed...)
}

// forward does the renamings that are left.
func (i *installer) forward(j *journal, open *dirs) error {
	for _, e := range j.Entries {
		if err := i.before("forward", e.Dir+"/"+e.Name, nil); err != nil {
			return err
		}
		var err error
		if e.Temp != "" {
			err = open.rename(e.Dir, e.Temp, e.Name)
		} else {
			err = open.unlink(e.Dir, e.Name)
		}
		if err != nil {
			return err
		}
	}
	return j.sync(open)
}

// backward brings the old set back. A value that still has its temporary name
// was not renamed.
func (i *installer) backward(j *journal, open *dirs) error {
	var failed []error
	for _, e := range j.Entries {
		if err := i.before("backward", e.Dir+"/"+e.Name, nil); err != nil {
			return errors.Join(append(failed, err)...)
		}
		waiting, err := open.there(e.Dir, e.Temp)
		switch {
		case err != nil:
		case waiting && e.Old != "":
			// The old value first: with the new one gone it would look renamed.
			err = open.unlink(e.Dir, e.Old)
			if err == nil {
				err = open.unlink(e.Dir, e.Temp)
			}
		case waiting:
			err = open.unlink(e.Dir, e.Temp)
		case e.Old != "":
			err = open.rename(e.Dir, e.Old, e.Name)
		default:
			err = open.unlink(e.Dir, e.Name)
		}
		failed = append(failed, err)
	}
	return errors.Join(append(failed, j.sync(open))...)
}

func (ds *dirs) there(dir, name string) (bool, error) {
	if name == "" {
		return false, nil
	}
	d, err := ds.get(dir, nil)
	if err == nil {
		var st unix.Stat_t
		err = unix.Fstatat(d.fd(), name, &st, unix.AT_SYMLINK_NOFOLLOW)
	}
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// unlink removes a name, if it is there.
func (ds *dirs) unlink(dir, name string) error {
	d, err := ds.get(dir, nil)
	if err == nil {
		err = unix.Unlinkat(d.fd(), name, 0)
	}
	if err == nil || errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("removing %s/%s: %w", dir, name, err)
}

// rename renames from, if it is there.
func (ds *dirs) rename(dir, from, to string) error {
	d, err := ds.get(dir, nil)
	if err == nil {
		err = unix.Renameat(d.fd(), from, d.fd(), to)
	}
	if err == nil || errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("renaming %s/%s: %w", dir, to, err)
}
