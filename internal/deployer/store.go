package deployer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"

	"flakeops/flake/store"
)

// localStore is the local nix store with the roots of this run.
type localStore struct {
	local store.Local
	roots *store.Roots
}

func (s *localStore) Build(ctx context.Context, jobs []store.Job, report func(store.BuildEvent)) error {
	return s.local.Build(ctx, jobs, report)
}

func (s *localStore) Keep(ctx context.Context, name, storePath string) error {
	return s.roots.Add(ctx, s.local, name, storePath)
}

func (s *localStore) Closure(ctx context.Context, storePath string) (map[string]int64, error) {
	return s.local.Closure(ctx, storePath)
}

func openRoots() (*store.Roots, error) {
	cache, err := cacheDir()
	if err != nil {
		return nil, fmt.Errorf("no place for the roots of a run: %w: set HOME or XDG_CACHE_HOME", err)
	}
	roots, err := store.OpenRoots(filepath.Join(cache, "flakeops", "roots"))
	var file *fs.PathError
	if errors.As(err, &file) {
		err = fmt.Errorf("%w: make it a directory that you can write to, or name another cache directory by XDG_CACHE_HOME", err)
	}
	return roots, err
}

// cacheDir is the user's cache directory. A service of systemd may have no HOME,
// which nix does without, too.
func cacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err == nil {
		return dir, nil
	}
	u, uerr := user.Current()
	if uerr != nil || !filepath.IsAbs(u.HomeDir) {
		return "", err
	}
	return filepath.Join(u.HomeDir, ".cache"), nil
}
