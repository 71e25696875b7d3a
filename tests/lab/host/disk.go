package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"flakeops/internal/run"
)

const factoryName = "factory-system"

func (m *machine) root() string { return filepath.Join(m.dir, "root") }

// create makes the machine's disk as it is when the machine is delivered: the
// image, the files that are its own, and the factory's system as generation 1.
func (m *machine) create(ctx context.Context) error {
	lock, err := m.def.Image.use()
	if err != nil {
		return err
	}
	m.imageLock = lock
	if err := m.mount(); err != nil {
		return fmt.Errorf("making the disk of host %s: %w", m.def.Name, err)
	}
	if err := writeFiles(m.root(), m.def.Files); err != nil {
		return fmt.Errorf("writing files of host %s: %w", m.def.Name, err)
	}
	if err := m.installFactory(ctx); err != nil {
		return fmt.Errorf("installing the first system of host %s: %w", m.def.Name, err)
	}
	return nil
}

// mount lays an overlay on the image. What the machine writes goes to a
// directory, or to a tmpfs when the disk has a size or the directory is itself
// on an overlay, where the kernel wants no other.
func (m *machine) mount() error {
	disk := filepath.Join(m.dir, "disk")
	for _, dir := range []string{disk, m.root()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	var st unix.Statfs_t
	if err := unix.Statfs(disk, &st); err != nil {
		return err
	}
	if m.def.DiskSize > 0 || st.Type == unix.OVERLAYFS_SUPER_MAGIC {
		options := "mode=755"
		if m.def.DiskSize > 0 {
			options += fmt.Sprintf(",size=%d", m.def.DiskSize)
		}
		if err := unix.Mount("tmpfs", disk, "tmpfs", 0, options); err != nil {
			return fmt.Errorf("mounting a tmpfs: %w", err)
		}
	}
	upper, work := filepath.Join(disk, "upper"), filepath.Join(disk, "work")
	for _, dir := range []string{upper, work} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s",
		overlayPath(m.def.Image.Dir), overlayPath(upper), overlayPath(work))
	if err := unix.Mount("overlay", m.root(), "overlay", 0, options); err != nil {
		return fmt.Errorf("mounting an overlay: %w", err)
	}
	return nil
}

// overlayPath escapes what separates overlay's options, and its lower layers.
func overlayPath(path string) string {
	return strings.NewReplacer(`\`, `\\`, ",", `\,`, ":", `\:`).Replace(path)
}

func (m *machine) unmount() error {
	var failed []error
	for _, dir := range []string{m.root(), filepath.Join(m.dir, "disk")} {
		err := unix.Unmount(dir, unix.MNT_DETACH)
		if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) { // not mounted
			failed = append(failed, fmt.Errorf("unmounting %s: %w", dir, err))
		}
	}
	return errors.Join(failed...)
}

func writeFiles(root string, files []file) error {
	for _, f := range files {
		path := filepath.Join(root, f.Path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, f.Text, fs.FileMode(f.Mode)); err != nil {
			return err
		}
		if err := os.Chmod(path, fs.FileMode(f.Mode)); err != nil {
			return err
		}
	}
	return nil
}

// installFactory puts the first system into the machine's store, and makes it
// generation 1 and the boot loader's default.
func (m *machine) installFactory(ctx context.Context) error {
	root := m.root()
	tree := filepath.Join("/tmp", factoryName)
	if err := writeFiles(filepath.Join(root, tree), m.def.Factory); err != nil {
		return err
	}
	proc := filepath.Join(root, "proc")
	if err := unix.Mount("proc", proc, "proc", 0, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	out, err := run.Output(ctx, run.Local{}, run.Command{
		Argv: []string{"chroot", root, "nix-store", "--add", tree},
		Env:  []string{"HOME=/root", hostPath},
	})
	err = errors.Join(err, unix.Unmount(proc, 0), os.RemoveAll(filepath.Join(root, tree)))
	if err != nil {
		return err
	}
	m.factory = strings.TrimSpace(string(out))
	profiles := filepath.Join(root, "nix/var/nix/profiles")
	return errors.Join(
		os.Symlink(m.factory, filepath.Join(profiles, "system-1-link")),
		os.Symlink("system-1-link", filepath.Join(profiles, "system")),
		os.Symlink(m.factory, filepath.Join(root, "boot/default-system")))
}
