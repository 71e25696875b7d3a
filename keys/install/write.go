package install

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// step is a point before something is done, for tests.
type step struct {
	name string // such as "create"
	path string
	file *os.File // of "chown", "content" and "verify"
}

func (i *installer) before(name, path string, f *os.File) error {
	if i.at == nil {
		return nil
	}
	return i.at(step{name, path, f})
}

// write puts a new value next to its place: a file nobody else made, that has
// its owner and mode before it has any content, and is what it should be.
func (i *installer) write(it *item, temp string) (err error) {
	d, at := it.dir, it.dir.path+"/"+temp
	if err := i.before("create", at, nil); err != nil {
		return err
	}
	fd, err := unix.Openat(d.fd(), temp, unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "create", Path: at, Err: err}
	}
	f := os.NewFile(uintptr(fd), at)
	defer func() {
		if errClose := f.Close(); err == nil {
			err = errClose
		}
	}()
	if err := i.before("chown", at, f); err != nil {
		return err
	}
	if err := unix.Fchown(fd, it.owner.uid, it.owner.gid); err != nil {
		return fmt.Errorf("giving %s to its owner: %w", at, err)
	}
	if err := unix.Fchmod(fd, it.owner.mode); err != nil {
		return fmt.Errorf("setting the permissions of %s: %w", at, err)
	}
	if err := i.before("content", at, f); err != nil {
		return err
	}
	if _, err := f.Write(it.key.Value.Reveal()); err != nil {
		return err
	}
	if !d.memory {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	if err := i.before("verify", at, f); err != nil {
		return err
	}
	return verify(f, it)
}

// verify reads back what was written.
func verify(f *os.File, it *item) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	same, err := holds(f, *it.key.Digest)
	if err != nil {
		return err
	}
	if !same || st.Nlink != 1 || !it.owner.has(&st) {
		return fmt.Errorf("%s is not what was written to it", f.Name())
	}
	return nil
}
