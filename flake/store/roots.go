package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"flakeops/internal/nixname"

	"github.com/gofrs/flock"
)

// Roots keeps store paths from being garbage collected while a run needs them.
//
// Nix knows a root as a symbolic link that it was told of once; where the link
// points to may change later without its help. So links are registered several
// at a time, pointing to a path that is in the store, and Add turns one of them.
// This also holds for a .drv, which nix-store would build instead of rooting
// it, and for a path that is not built yet: the root is there before it is.
type Roots struct {
	dir  string
	lock *flock.Flock

	mu     sync.Mutex
	anchor string            // store path that unused links point to
	spare  []string          // links without a name
	named  map[string]string // name to link
	count  int               // links made so far
}

const (
	rootBatch = 16               // links registered by one call of nix
	lockWait  = 10 * time.Second // for another run that is just opening its roots
)

// OpenRoots makes a set of roots below dir, and drops those that runs which
// died left there.
func OpenRoots(dir string) (*Roots, error) {
	r, err := openRoots(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot keep garbage collector roots in %s: %w", dir, err)
	}
	return r, nil
}

func openRoots(dir string) (*Roots, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	// Held while a run's directory has no lock of its own yet.
	gate := flock.New(filepath.Join(dir, "lock"))
	ctx, cancel := context.WithTimeout(context.Background(), lockWait)
	defer cancel()
	switch ok, err := gate.TryLockContext(ctx, 20*time.Millisecond); {
	case ctx.Err() != nil:
		return nil, errors.New("another run holds the lock file there and does not let go of it: look for one that hangs")
	case err != nil:
		return nil, err
	case !ok:
		return nil, errors.New("the lock file there cannot be locked")
	}
	defer func() { _ = gate.Close() }()

	if err := dropDead(dir); err != nil {
		return nil, err
	}
	mine, err := os.MkdirTemp(dir, runPrefix)
	if err != nil {
		return nil, err
	}
	lock := flock.New(filepath.Join(mine, "lock"))
	if ok, err := lock.TryLock(); err != nil || !ok {
		return nil, errors.Join(errors.New("cannot lock a new directory"), err, os.RemoveAll(mine))
	}
	return &Roots{dir: mine, lock: lock, named: map[string]string{}}, nil
}

const runPrefix = "run-"

// dropDead removes the directories of runs that do not hold their lock any more.
func dropDead(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), runPrefix) {
			continue
		}
		d := filepath.Join(dir, e.Name())
		lock := flock.New(filepath.Join(d, "lock"))
		ok, err := lock.TryLock()
		if err == nil && ok {
			err = os.RemoveAll(d)
			_ = lock.Close()
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Add roots a store path under name, replacing what name stood for. The path
// may be an output or a .drv, and need not be there yet.
func (r *Roots) Add(ctx context.Context, nix Local, name, path string) error {
	if !nixname.IsStorePath(path) {
		return fmt.Errorf("cannot root %q: not a store path", path)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	link, ok := r.named[name]
	if !ok {
		if len(r.spare) == 0 {
			if err := r.register(ctx, nix, path); err != nil {
				return fmt.Errorf("cannot register garbage collector roots in %s: %w", r.dir, err)
			}
		}
		link = r.spare[len(r.spare)-1]
	}
	if err := point(link, path); err != nil {
		return fmt.Errorf("cannot root %s: %w", path, err)
	}
	if !ok {
		r.spare = r.spare[:len(r.spare)-1]
		r.named[name] = link
	}
	return nil
}

// register lets nix make a batch of links. What is to be rooted first serves as
// the anchor if it is in the store, for that saves a call of nix.
func (r *Roots) register(ctx context.Context, nix Local, path string) error {
	if _, err := os.Lstat(path); err == nil && r.anchor == "" && !strings.HasSuffix(path, ".drv") {
		if r.link(ctx, nix, path) == nil {
			r.anchor = path
			return nil
		}
	}
	if r.anchor == "" {
		file := filepath.Join(r.dir, "flakeops-root")
		if err := os.WriteFile(file, []byte("what unused garbage collector roots point to\n"), 0o600); err != nil {
			return err
		}
		anchor, err := nix.Add(ctx, file)
		if err != nil {
			return err
		}
		r.anchor = anchor
	}
	return r.link(ctx, nix, r.anchor)
}

// link lets nix make a batch of links to a path that is in the store.
func (r *Roots) link(ctx context.Context, nix Local, path string) error {
	first := filepath.Join(r.dir, "root-"+strconv.Itoa(r.count))
	r.count++
	argv := nix.StoreArgv("--add-root", first, "--indirect", "--realise")
	for range rootBatch {
		argv = append(argv, path)
	}
	a, err := nix.Ask(ctx, argv)
	if err != nil {
		return err
	}
	// The links are the first one's name, and that with -2, -3 and so on.
	for _, link := range a.Lines() {
		if filepath.Dir(link) != r.dir {
			return fmt.Errorf("nix-store made the link %q elsewhere", link)
		}
		r.spare = append(r.spare, link)
	}
	if len(r.spare) == 0 {
		return errors.New("nix-store made no links")
	}
	return nil
}

// point turns link in one step, so that there is no moment without a root.
func point(link, path string) error {
	tmp := link + ".new"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Symlink(path, tmp); err != nil {
		return err
	}
	return os.Rename(tmp, link)
}

// Close drops all roots of this run. Nix forgets the links by itself.
func (r *Roots) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(os.RemoveAll(r.dir), r.lock.Close())
}
