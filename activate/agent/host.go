package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"flakeops/activate/agent/bootloader"
	"flakeops/activate/agent/history"
	"flakeops/activate/agent/lock"
	"flakeops/activate/agent/orphans"
	"flakeops/activate/wire"
	"flakeops/internal/nixname"
	"flakeops/internal/onhost"
	"flakeops/internal/run"
	"flakeops/internal/systemd"
)

// host is the real effects: this machine.
type host struct {
	layout  layout
	runner  run.Runner
	id      string
	profile string
}

// activate runs switch-to-configuration in a process group of its own. When ctx
// ends, the group is ended first and then whatever left the group: an
// activation that goes on in the background would fight the rollback.
func (h *host) activate(ctx context.Context, system, action string, force bool, line func(string)) (int, error) {
	out := &run.Lines{Max: wire.MaxOutput, Cut: " [cut]", Handle: func(l []byte) { line(string(l)) }}
	defer out.End()
	defer bootloader.Sweep(h.layout.root+"/", bootloader.Leftovers(h.layout.root+"/"))
	var env []string
	if force {
		env = []string{"NIXOS_NO_CHECK=1"}
	}
	res, err := h.runner.Run(ctx, run.Command{
		Argv:   []string{filepath.Join(system, "bin/switch-to-configuration"), action},
		Env:    env,
		Stdout: out,
		Stderr: out,
		Began:  unprotect,
		Grace:  2 * time.Second,
	})
	if ctx.Err() != nil {
		orphans.Kill()
		return -1, context.Cause(ctx)
	}
	var failed *run.Error
	if errors.As(err, &failed) && failed.Err == nil {
		orphans.Kill()
		return res.Code, nil
	}
	if err != nil {
		return -1, fmt.Errorf("switch-to-configuration: %w", err)
	}
	return 0, nil
}

func (h *host) setProfile(ctx context.Context, system string) error {
	return h.nixEnv(ctx, "--set", system)
}

// restoreProfile goes back to the generation the profile had, and where that is
// gone, to its path. Where there was no profile there is none again. Generations
// made since are kept.
func (h *host) restoreProfile(ctx context.Context, old before) error {
	if old.Profile == "" {
		if err := os.Remove(h.profile); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	if now, err := readSystem(h.profile); err == nil && now == old.Profile {
		return nil
	}
	if n := nixname.Generation(old.ProfileLink); n > 0 {
		if h.nixEnv(ctx, "--switch-generation", strconv.Itoa(n)) != nil {
			// Nix cannot open its database on a full disk. A link needs no room.
			_ = turn(h.profile, old.ProfileLink)
		}
		if now, err := readSystem(h.profile); err == nil && now == old.Profile {
			return nil
		}
	}
	return h.nixEnv(ctx, "--set", old.Profile)
}

// turn has a link point somewhere else, at once and not for a moment nowhere. A
// target that leads to nothing is left alone.
func turn(link, target string) error {
	fresh := filepath.Join(filepath.Dir(link), "."+filepath.Base(link)+".flakeops")
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	err := os.Symlink(target, fresh)
	if err == nil {
		if _, err = os.Stat(fresh); err == nil {
			err = os.Rename(fresh, link)
		}
		if err != nil {
			_ = os.Remove(fresh)
		}
	}
	return err
}

func (h *host) nixEnv(ctx context.Context, args ...string) error {
	_, err := h.runner.Run(ctx, run.Command{
		Argv:   append([]string{"nix-env", "--profile", h.profile}, args...),
		Stdout: io.Discard,
	})
	return err
}

func (h *host) switchable() error { return lock.FreeSwitch(h.layout.switchLock()) }

func (h *host) running() (string, error) { return readSystem(h.layout.currentSystem()) }

func (h *host) profileSystem() (string, error) {
	system, err := readSystem(h.profile)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	return system, err
}

func (h *host) boots() string { return bootloader.Default(h.layout.root + "/") }

func (h *host) bootTrouble() string { return bootloader.Trouble(h.layout.root + "/") }

func (h *host) bootFiles() string { return bootloader.Files(h.layout.root + "/") }

// failedUnits counts in, as switch-to-configuration does, those that systemd is
// about to start once more.
func (h *host) failedUnits(ctx context.Context) ([]string, error) {
	units, err := systemd.List(ctx, h.runner, "failed,auto-restart")
	var names []string
	for _, u := range units {
		if !strings.HasPrefix(u.Name, "flakeops-") {
			names = append(names, u.Name)
		}
	}
	return names, err
}

func (h *host) shuttingDown(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	// It exits non-zero for every state but "running", so only its word counts.
	out, _ := run.Output(ctx, h.runner, run.Command{Argv: []string{"systemctl", "is-system-running"}})
	return strings.TrimSpace(string(out)) == "stopping"
}

// reboot asks for it whoever may want to delay it, and waits until it has begun. The
// reason is put on record before: this process may not live to tell the end.
func (h *host) reboot(ctx context.Context, why string) error {
	if rec, ok, _ := history.Find(h.layout.records(), h.id); ok {
		rec.Time, rec.Message = time.Now().UTC(), why
		_ = history.Append(h.layout.records(), rec)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	_, err := h.runner.Run(ctx, run.Command{Argv: []string{"systemctl", "reboot", "-i"}})
	for !h.shuttingDown(ctx) {
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.New("systemctl reboot: the host does not go down")
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}

func (h *host) save(st state) error { return onhost.WriteJSON(h.layout.state(h.id), st) }

// readBefore reads what a rollback will go back to.
func (h *host) readBefore(ctx context.Context) (before, error) {
	running, err := h.running()
	if err != nil {
		return before{}, fmt.Errorf("reading the running system: %w", err)
	}
	b := before{Running: running, Boots: h.boots(), BootFiles: h.bootFiles()}
	if b.Profile, err = h.profileSystem(); err != nil {
		return before{}, fmt.Errorf("reading the profile: %w", err)
	}
	// Not a link, or none: then there is no generation to go back to by number.
	b.ProfileLink, _ = os.Readlink(h.profile)
	b.Failed, err = h.failedUnits(ctx)
	return b, err
}

// readSystem resolves a link to the store path of the system it leads to.
func readSystem(link string) (string, error) {
	p, err := filepath.EvalSymlinks(link)
	if err != nil {
		return "", err
	}
	if !nixname.IsStorePath(p) {
		return "", fmt.Errorf("%s leads to %s, which is not a store path", link, p)
	}
	return p, nil
}
