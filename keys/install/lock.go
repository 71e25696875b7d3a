package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

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
	ctx, cancel := context.WithTimeoutCause(ctx, i.wait, fmt.Errorf("keys are being installed by somebody else for %v: try again", i.wait))
	defer cancel()
	f, err := onhost.Lock(ctx, filepath.Join(i.runDir(), "keys.lock"))
	if errors.Is(err, onhost.ErrLocked) {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	return &lock{f}, nil
}

func (l *lock) release() { _ = l.f.Close() }
