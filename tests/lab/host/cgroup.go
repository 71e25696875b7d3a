package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// cgroupRoot finds where control groups of version 2 are: at the usual place,
// or beside those of version 1 on a machine that has both. A host's systemd
// only needs a tree of its own there, no controllers; the container manager is
// told to use version 2 always, so that all suites are treated alike.
func cgroupRoot() (string, error) {
	for _, dir := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		var st unix.Statfs_t
		if err := unix.Statfs(dir, &st); err == nil && st.Type == unix.CGROUP2_SUPER_MAGIC {
			return dir, nil
		}
	}
	return "", errors.New("this machine has no control groups of version 2 below /sys/fs/cgroup: mount them (cgroup2) there")
}

// makeCgroup makes an empty group and returns its directory.
func makeCgroup(ctx context.Context, name string) (string, error) {
	root, err := cgroupRoot()
	if err != nil {
		return "", err
	}
	if err := removeCgroup(ctx, name); err != nil {
		return "", err
	}
	dir := filepath.Join(root, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("making a control group: %w", err)
	}
	return dir, nil
}

// removeCgroup kills what is left in a group of the lab's and removes it, with
// all groups in it, and its parents as far as they are empty.
func removeCgroup(ctx context.Context, name string) error {
	root, err := cgroupRoot()
	if err != nil {
		return err
	}
	if err := removeGroups(ctx, root, name); err != nil {
		return err
	}
	// On a machine with both versions, systemd-nspawn makes the same group in
	// the tree in which version 1 has its names.
	const named = "/sys/fs/cgroup/systemd"
	switch _, err := os.Stat(named); {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	return removeGroups(ctx, named, name)
}

func removeGroups(ctx context.Context, root, name string) error {
	dir := filepath.Join(root, name)
	if _, err := os.Stat(dir); err != nil {
		return nil
	}
	// Missing in version 1 and before Linux 5.14; there, what is in a group dies with its namespace.
	_ = os.WriteFile(filepath.Join(dir, "cgroup.kill"), []byte("1"), 0)
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		err := removeDirs(dir)
		if err == nil {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("removing control group %s: %w", dir, err)
		case <-time.After(5 * time.Millisecond):
		}
	}
	for parent := filepath.Dir(dir); parent != root && os.Remove(parent) == nil; {
		parent = filepath.Dir(parent)
	}
	return nil
}

// removeDirs removes a tree of directories from its leaves. Files can't be
// removed from a control group, and need not be.
func removeDirs(dir string) error {
	var dirs []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && entry.IsDir() {
			dirs = append(dirs, path)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, d := range slices.Backward(dirs) {
		if err := os.Remove(d); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
