package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"flakeops/internal/onhost"
)

// runDir is for what a reboot may take, stateDir for what it must not.

func (i *installer) runDir() string   { return i.root + "/run/flakeops" }
func (i *installer) stateDir() string { return i.root + "/var/lib/flakeops" }

// lock keeps two messages apart. The kernel drops it with the process.
type lock struct{ f *os.File }

func (i *installer) lock(ctx context.Context) (*lock, error) {
	// What is noted in them is believed.
	for _, dir := range []string{i.runDir(), i.stateDir()} {
		if err := onhost.OwnedDir(dir, 0o755); err != nil {
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
