package install

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// dir is an open directory that only root can change or replace.
type dir struct {
	path   string
	f      *os.File
	memory bool // a tmpfs or ramfs
	gid    uint32
}

func (d *dir) fd() int { return int(d.f.Fd()) }

func (d *dir) close() { _ = d.f.Close() }

// openDir opens path, which is absolute and clean, one component after the
// other. A component that is missing is given to create, if that is not nil,
// and is an os.ErrNotExist otherwise.
func openDir(path string, create func(parent int, path, name string) error) (*dir, error) {
	fd, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: "/", Err: err}
	}
	at, shared := "/", false
	for _, name := range strings.Split(strings.Trim(path, "/"), "/") {
		at = strings.TrimSuffix(at, "/") + "/" + name
		next, err := openComponent(fd, at, name, create)
		_ = unix.Close(fd)
		if err != nil {
			return nil, err
		}
		fd = next
		if shared, err = safe(fd, at); err != nil {
			_ = unix.Close(fd)
			return nil, err
		}
	}
	d := &dir{path: path, f: os.NewFile(uintptr(fd), path)}
	if shared {
		d.close()
		return nil, fmt.Errorf("%s can be written by everybody: choose a directory of root's", path)
	}
	var fs unix.Statfs_t
	var st unix.Stat_t
	if err := errors.Join(unix.Fstatfs(d.fd(), &fs), unix.Fstat(d.fd(), &st)); err != nil {
		d.close()
		return nil, fmt.Errorf("looking at %s: %w", path, err)
	}
	d.memory, d.gid = inMemory(&fs), st.Gid
	return d, nil
}

func openComponent(parent int, path, name string, create func(parent int, path, name string) error) (int, error) {
	const flags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err := unix.Openat(parent, name, flags, 0)
	if errors.Is(err, unix.ENOENT) && create != nil {
		if err := create(parent, path, name); err != nil {
			return -1, fmt.Errorf("making %s: %w", path, err)
		}
		fd, err = unix.Openat(parent, name, flags, 0)
	}
	switch {
	case err == nil:
		return fd, nil
	case errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP):
		var st unix.Stat_t
		if unix.Fstatat(parent, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK {
			return -1, fmt.Errorf("%s is a symbolic link, and no key is put behind one: declare the directory that it leads to", path)
		}
		return -1, fmt.Errorf("%s is not a directory", path)
	}
	return -1, &os.PathError{Op: "open", Path: path, Err: err}
}

// safe refuses a directory in which somebody else than root could replace what
// the next component means. One for everybody is fine on the way, for its
// sticky bit protects what belongs to root, but it is no place for keys.
func safe(fd int, path string) (shared bool, err error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return false, fmt.Errorf("looking at %s: %w", path, err)
	}
	switch {
	case st.Uid != 0:
		return false, fmt.Errorf("%s belongs to user %d, who could replace what is in it: it must be root's", path, st.Uid)
	case st.Mode&0o022 != 0 && st.Mode&unix.S_ISVTX == 0:
		return false, fmt.Errorf("%s can be written by others than root: chmod go-w", path)
	}
	return st.Mode&0o022 != 0, nil
}

// makeDir makes a directory for keys: root's, and the group's to enter.
func makeDir(parent int, name string, gid int) error {
	if err := unix.Mkdirat(parent, name, 0o700); err != nil {
		return err
	}
	fd, err := unix.Openat(parent, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.Fchown(fd, 0, gid); err != nil {
		return err
	}
	return unix.Fchmod(fd, 0o750)
}
