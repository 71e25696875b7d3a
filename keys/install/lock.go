package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// runDir is for what a reboot may take, stateDir for what it must not.

func (i *installer) runDir() string   { return i.root + "/run/flakeops" }
func (i *installer) stateDir() string { return i.root + "/var/lib/flakeops" }

// lock keeps two messages apart. The kernel drops it with the process.
type lock struct{ f *os.File }

func (i *installer) lock(ctx context.Context) (*lock, error) {
	// What is noted in them is believed.
	for _, dir := range []string{i.runDir(), i.stateDir()} {
		if err := ownedDir(dir); err != nil {
			return nil, err
		}
	}
	name := filepath.Join(i.runDir(), "keys.lock")
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, i.wait, fmt.Errorf("keys are being installed by somebody else for %v: try again", i.wait))
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return &lock{f}, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			_ = f.Close()
			return nil, fmt.Errorf("locking %s: %w", name, err)
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, context.Cause(ctx)
		case <-tick.C:
		}
	}
}

func (l *lock) release() { _ = l.f.Close() }

// ownedDir makes a directory of flakeops's own, or refuses one that others can change.
func ownedDir(name string) error {
	if err := os.MkdirAll(name, 0o755); err != nil {
		return err
	}
	fi, err := os.Lstat(name)
	if err != nil {
		return err
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !fi.IsDir() || !ok || st.Uid != 0 || fi.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s is not a directory that only root can change", name)
	}
	return nil
}
