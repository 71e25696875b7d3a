package deployer

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"flakeops/internal/fleet"
	"flakeops/internal/lazy"
	"flakeops/internal/limit"
)

// agents puts the agent's binary into the local store, once for each system
// that a run deploys.
type agents struct {
	own  string // this executable
	dir  string // FLAKEOPS_AGENTS: agents, named flakeops-SYSTEM; "" for those beside this one
	add  func(ctx context.Context, file string) (storePath string, err error)
	keep func(ctx context.Context, name, storePath string) error

	done lazy.Map[string, string] // store paths, by the nix system
}

// path returns the store path of an agent that runs on the nix system named,
// such as aarch64-linux. A caller that gives up does not undo it for the others.
func (a *agents) path(ctx context.Context, system string) (string, error) {
	return a.done.Of(system).Get(ctx, func(ctx context.Context) (string, error) { return a.store(ctx, system) })
}

func (a *agents) store(ctx context.Context, system string) (string, error) {
	ctx, cancel := limit.Within(ctx, fleet.StoreDeadline, "adding the agent to the store")
	defer cancel()
	file, err := a.file(system)
	if err != nil {
		return "", err
	}
	path, err := a.add(ctx, file)
	if err != nil {
		return "", fmt.Errorf("adding the agent to the local store: %w", limit.Because(ctx, err))
	}
	return path, a.keep(ctx, "agent-"+system, path)
}

// file finds the binary for a system and makes sure that it needs nothing else
// to run.
func (a *agents) file(system string) (string, error) {
	file, err := a.find(system)
	if err != nil {
		return "", err
	}
	binary, err := elf.Open(file)
	if err != nil {
		return "", fmt.Errorf("the agent for %s: %w: build one for that system (GOOS=linux GOARCH=... CGO_ENABLED=0) and put it there", system, err)
	}
	defer binary.Close()
	for _, p := range binary.Progs {
		if p.Type == elf.PT_INTERP {
			return "", fmt.Errorf("%s is linked dynamically, so it cannot run as the agent on a host: build it with CGO_ENABLED=0", file)
		}
	}
	return file, nil
}

// find looks for the agent of a system where agents are kept. On its own system
// this program does without: it is an agent, too, if not a small one. It does so
// rather than take one that is older than itself, which another build has left.
func (a *agents) find(system string) (string, error) {
	name := filepath.Base("flakeops-" + system)
	beside := filepath.Dir(a.own)
	dirs := []string{filepath.Join(beside, "..", "libexec", "flakeops"), filepath.Join(beside, "libexec", "flakeops")}
	if a.dir != "" {
		dirs = []string{a.dir}
	}
	for _, dir := range dirs {
		file := filepath.Join(dir, name)
		there, err := os.Stat(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return "", fmt.Errorf("the agent for %s: %w", system, err)
		}
		own, err := os.Stat(a.own)
		if system == ownPlatform() && a.dir == "" && err == nil && there.ModTime().Before(own.ModTime()) {
			continue
		}
		return file, nil
	}
	if system == ownPlatform() {
		return a.own, nil
	}
	return "", fmt.Errorf("this flakeops is built for %s, the node for %s: set FLAKEOPS_AGENTS to a directory that holds %s", ownPlatform(), system, name)
}

// ownPlatform is the nix system that this binary is built for.
func ownPlatform() string {
	cpu := runtime.GOARCH
	switch cpu {
	case "amd64":
		cpu = "x86_64"
	case "arm64":
		cpu = "aarch64"
	case "386":
		cpu = "i686"
	case "arm":
		cpu = "armv7l"
	case "ppc64le":
		cpu = "powerpc64le"
	}
	return cpu + "-" + runtime.GOOS
}

// ownExecutable is the file that this process runs, links resolved.
func ownExecutable() (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("finding this program's own file: %w", err)
	}
	return filepath.EvalSymlinks(exe)
}
