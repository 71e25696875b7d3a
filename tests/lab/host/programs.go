package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"flakeops/internal/run"
)

// Programs fills dir with links to the programs that a bare machine has after
// Ensure: those of Debian's essential packages, of the packages that Ensure
// installs, of all that these depend on, and Go's. With dir as PATH, a program
// that happens to be on this machine but is not brought is not found. What is
// in dir besides is removed. Several processes can call it at once.
func Programs(ctx context.Context, dir string) error {
	out, err := run.Output(ctx, run.Local{}, run.Command{Argv: []string{"dpkg-query", "-W", "-f", debianFormat}})
	if err != nil {
		return fmt.Errorf("asking which packages are installed: %w", err)
	}
	argv := append([]string{"dpkg-query", "-L"}, closure(parseDebian(string(out)), packages())...)
	if out, err = run.Output(ctx, run.Local{}, run.Command{Argv: argv}); err != nil {
		return fmt.Errorf("listing the files of packages: %w", err)
	}
	links := make(map[string]string)
	for path := range strings.Lines(string(out)) {
		path = strings.TrimSuffix(path, "\n")
		if inProgramDir(path) {
			links[filepath.Base(path)] = path
		}
	}
	if err := addAlternatives(ctx, links); err != nil {
		return err
	}
	goroot, err := run.Output(ctx, run.Local{}, run.Command{Argv: []string{"go", "env", "GOROOT"}})
	if err != nil {
		return fmt.Errorf("asking where Go is: %w", err)
	}
	for _, name := range []string{"go", "gofmt"} {
		links[name] = filepath.Join(strings.TrimSpace(string(goroot)), "bin", name)
	}
	return fill(dir, links)
}

func inProgramDir(path string) bool {
	return slices.Contains([]string{"/bin", "/sbin", "/usr/bin", "/usr/sbin"}, filepath.Dir(path))
}

// addAlternatives adds those programs of which an administrator chooses one of
// several: not the one chosen on this machine, if that was not brought.
func addAlternatives(ctx context.Context, links map[string]string) error {
	brought := make(map[string]bool)
	for _, path := range links {
		brought[path] = true
	}
	chosen, err := filepath.Glob("/etc/alternatives/*")
	if err != nil {
		return err
	}
	for _, path := range chosen {
		name := filepath.Base(path)
		target, err := os.Readlink(path)
		if err != nil || !inProgramDir(target) || links[name] != "" {
			continue
		}
		if brought[target] {
			links[name] = target
			continue
		}
		out, err := run.Output(ctx, run.Local{}, run.Command{Argv: []string{"update-alternatives", "--list", name}})
		var failed *run.Error
		if errors.As(err, &failed) && failed.Code > 0 {
			continue // it goes with another alternative, and has no choice of its own
		}
		if err != nil {
			return fmt.Errorf("asking who can be %s: %w", name, err)
		}
		for target := range strings.Lines(string(out)) {
			if target = strings.TrimSuffix(target, "\n"); brought[target] {
				links[name] = target
				break
			}
		}
	}
	return nil
}

// fill makes dir hold the links and nothing else.
func fill(dir string, links map[string]string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making a directory of programs: %w", err)
	}
	present, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("making a directory of programs: %w", err)
	}
	for _, entry := range present {
		path := filepath.Join(dir, entry.Name())
		if target, err := os.Readlink(path); err == nil && target == links[entry.Name()] {
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("removing a program that is not brought: %w", err)
		}
	}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("linking a program: %w", err)
		}
	}
	return nil
}
