package host

import (
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"flakeops/internal/run"
)

//go:embed image
var recipe embed.FS

// imagePackages are what a host has beyond Debian's essential packages.
func imagePackages(suite string) []string {
	packages := []string{
		"ca-certificates", "dbus", "git", "inotify-tools", "iproute2", "nftables", "nix-bin", "nix-setup-systemd",
		"openssh-client", "openssh-server", "procps", "sudo", "systemd", "systemd-sysv",
	}
	if suite == "bookworm" { // one is enough to log in with every shell that an operator may have
		packages = append(packages, "csh", "elvish", "fish", "ksh93u+m", "mksh", "tcsh", "yash", "zsh")
	}
	return packages
}

// mirrorVariable names another mirror than Debian's own to build images from.
const mirrorVariable = "FLAKEOPS_LAB_MIRROR"

// image is a suite's root file system in the cache. Its directory bears a
// digest of everything it is made from, so another recipe is another image.
type image struct {
	Suite string
	Dir   string
}

func findImage(suite string) (image, error) {
	if !knownSuite(suite) {
		return image{}, fmt.Errorf("no such suite: %q; there are %s", suite, strings.Join(Suites(), ", "))
	}
	digest := sha256.New()
	fmt.Fprintln(digest, imagePackages(suite), SudoPassword, runtime.GOARCH)
	err := fs.WalkDir(recipe, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := recipe.ReadFile(path)
		fmt.Fprintf(digest, "%q %q\n", path, text)
		return err
	})
	if err != nil {
		return image{}, fmt.Errorf("reading the image's recipe: %w", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return image{}, fmt.Errorf("finding the cache: %w", err)
	}
	name := fmt.Sprintf("%s-%x", suite, digest.Sum(nil)[:6])
	return image{Suite: suite, Dir: filepath.Join(cache, "flakeops-lab", name)}, nil
}

func (m image) exists() bool {
	_, err := os.Stat(m.Dir)
	return err == nil
}

// use keeps the image from being removed until the lock is given back. It is an
// error when the image is not there.
func (m image) use() (*flock.Flock, error) {
	lock := flock.New(m.Dir + ".lock")
	if m.exists() {
		if err := lock.RLock(); err != nil {
			return nil, fmt.Errorf("locking %s: %w", m.Dir, err)
		}
		if m.exists() {
			return lock, nil
		}
		_ = lock.Close()
	}
	return nil, fmt.Errorf("there is no root file system for %s yet: run `go run ./tests/lab setup`", m.Suite)
}

// ensureImages builds the suites' images that are missing, at the same time.
func ensureImages(ctx context.Context, log zerolog.Logger, suites []string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(2, runtime.NumCPU()))
	for _, suite := range suites {
		m, err := findImage(suite)
		if err != nil {
			return err
		}
		if m.exists() {
			continue
		}
		group.Go(func() error { return m.build(ctx, log) })
	}
	return group.Wait()
}

func (m image) build(ctx context.Context, log zerolog.Logger) error {
	cache := filepath.Dir(m.Dir)
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return fmt.Errorf("making the cache: %w", err)
	}
	lock := flock.New(m.Dir + ".lock")
	if _, err := lock.TryLockContext(ctx, 200*time.Millisecond); err != nil {
		return fmt.Errorf("waiting for who else builds %s: %w", m.Dir, err)
	}
	defer lock.Close()
	if m.exists() {
		return nil
	}
	log.Info().Str("suite", m.Suite).Str("directory", m.Dir).Msg("building a root file system")
	began := time.Now()
	files, err := os.MkdirTemp("", "flakeops-lab-image-")
	if err != nil {
		return fmt.Errorf("unpacking the image's recipe: %w", err)
	}
	defer os.RemoveAll(files)
	if err := os.CopyFS(files, recipe); err != nil {
		return fmt.Errorf("unpacking the image's recipe: %w", err)
	}
	partial := m.Dir + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return fmt.Errorf("removing an unfinished image: %w", err)
	}
	if err := debootstrap(ctx, m.Suite, filepath.Join(files, "image"), partial); err != nil {
		_ = os.RemoveAll(partial)
		return fmt.Errorf("building a root file system for %s: %w", m.Suite, err)
	}
	if err := os.Rename(partial, m.Dir); err != nil {
		return fmt.Errorf("keeping the root file system for %s: %w", m.Suite, err)
	}
	log.Info().Str("suite", m.Suite).Stringer("took", time.Since(began).Round(time.Second)).Msg("built a root file system")
	return m.removeOlder()
}

// debootstrap runs mmdebstrap where neither a mount nor a process of it can
// outlive it: a later removal of dir must not reach into a mounted /dev.
func debootstrap(ctx context.Context, suite, files, dir string) error {
	argv := []string{
		"unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--",
		"mmdebstrap", "--quiet", "--variant=minbase",
		// A mirror may be a frozen copy, whose Release files have expired.
		`--aptopt=Acquire::Check-Valid-Until "false"`,
		"--include=" + strings.Join(imagePackages(suite), ","),
		"--customize-hook=sh " + run.Quote([]string{files + "/customize.sh", files}) + ` "$1"`,
		suite, dir,
	}
	if mirror := os.Getenv(mirrorVariable); mirror != "" {
		argv = append(argv, mirror)
	}
	_, err := run.Local{}.Run(ctx, run.Command{
		Argv: argv,
		Env:  []string{rootPath(), "SUDO_PASSWORD=" + SudoPassword, "SOURCE_DATE_EPOCH=1"},
	})
	return err
}

// removeOlder removes the suite's images of other recipes, except those that a
// lab uses now.
func (m image) removeOlder() error {
	locks, err := filepath.Glob(filepath.Join(filepath.Dir(m.Dir), m.Suite+"-*.lock"))
	if err != nil {
		return err
	}
	for _, path := range locks {
		dir := strings.TrimSuffix(path, ".lock")
		if dir == m.Dir {
			continue
		}
		lock := flock.New(path)
		if free, err := lock.TryLock(); err != nil || !free {
			continue
		}
		err := errors.Join(os.RemoveAll(dir), os.RemoveAll(dir+".partial"), os.Remove(path))
		if err := errors.Join(err, lock.Close()); err != nil {
			return fmt.Errorf("removing an old root file system: %w", err)
		}
	}
	return nil
}
