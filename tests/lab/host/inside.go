package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"flakeops/internal/run"
)

// retryEvery is how often a condition is looked at that can't be waited for.
const retryEvery = 10 * time.Millisecond

// initOf finds the machine's process 1 among the children of systemd-nspawn. It
// is there when it has become systemd; before, it may still see our own files.
func initOf(nspawn int) (int, bool) {
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", nspawn, nspawn))
	if err != nil {
		return 0, false
	}
	for child := range strings.FieldsSeq(string(children)) {
		pid, err := strconv.Atoi(child)
		if err != nil {
			continue
		}
		comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if name := strings.TrimSpace(string(comm)); err != nil || name != "systemd" && name != "init" {
			continue
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(status)) {
			if ids, ok := strings.CutPrefix(line, "NSpid:"); ok {
				if f := strings.Fields(ids); len(f) == 2 && f[1] == "1" {
					return pid, true
				}
			}
		}
	}
	return 0, false
}

// init waits for the machine's process 1. That the machine is off is an error.
func (m *machine) init(ctx context.Context) (int, error) {
	for {
		m.mu.Lock()
		b := m.present
		m.mu.Unlock()
		if b == nil {
			return 0, fmt.Errorf("host %s is off", m.def.Name)
		}
		if pid, ok := initOf(b.cmd.Process.Pid); ok {
			return pid, nil
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(retryEvery):
		}
	}
}

// enter runs a program in the machine.
func (m *machine) enter(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer, argv ...string) (int, error) {
	pid, err := m.init(ctx)
	if err != nil {
		return 0, err
	}
	inside := []string{
		"nsenter", "--target", strconv.Itoa(pid), "--all", "--",
		"env", "-i", "HOME=/root", "USER=root", "LANG=C.UTF-8",
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	}
	r, err := run.Local{}.Run(ctx, run.Command{
		Argv: append(inside, argv...), Stdin: stdin, Stdout: stdout, Stderr: stderr, Grace: time.Second,
	})
	return r.Code, err
}

func (m *machine) shell(ctx context.Context, script string) (answer, error) {
	var stdout, stderr bytes.Buffer
	code, err := m.enter(ctx, nil, &stdout, &stderr, "/bin/sh", "-c", script)
	a := answer{Stdout: stdout.String(), Stderr: stderr.String(), Code: code}
	var failed *run.Error
	if errors.As(err, &failed) && failed.Err == nil {
		return a, nil // it ran; its exit status says the rest
	}
	return a, err
}

// settle waits until systemd has done what a boot asks for, be it that some of
// it failed, in a boot other than previous.
func (m *machine) settle(ctx context.Context, previous string) (answer, error) {
	const script = `cat /proc/sys/kernel/random/boot_id
systemctl is-system-running --wait
systemctl list-units --failed --plain --no-legend --no-pager | cut -d ' ' -f 1`
	for {
		a, err := m.shell(ctx, script)
		if err != nil && ctx.Err() != nil {
			return answer{}, ctx.Err()
		}
		if lines := strings.Fields(a.Stdout); err == nil && len(lines) >= 2 && lines[0] != previous {
			switch state := lines[1]; state {
			case "running", "degraded", "maintenance":
				return answer{Stdout: lines[0], State: state, Failed: strings.Join(lines[2:], " ")}, nil
			}
		}
		if !m.state().On {
			return answer{}, fmt.Errorf("host %s is off", m.def.Name)
		}
		select {
		case <-ctx.Done():
			return answer{}, ctx.Err()
		case <-time.After(retryEvery):
		}
	}
}

// copyIn copies through the machine's own eyes, because what it has mounted on
// /tmp and /run is not on its disk.
func (m *machine) copyIn(ctx context.Context, from, to string) error {
	if !path.IsAbs(to) {
		return fmt.Errorf("copying to host %s: %q is not an absolute path", m.def.Name, to)
	}
	info, err := os.Stat(from)
	if err != nil {
		return fmt.Errorf("copying to host %s: %w", m.def.Name, err)
	}
	if info.IsDir() {
		err = m.copyTree(ctx, from, to)
	} else {
		err = m.copyFile(ctx, from, to, info.Mode().Perm())
	}
	if err != nil {
		return fmt.Errorf("copying %s to host %s: %w", from, m.def.Name, err)
	}
	return nil
}

func (m *machine) copyFile(ctx context.Context, from, to string, mode os.FileMode) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	// The file may be a program that runs: it is replaced, not written over.
	const script = `mkdir -p -- "$(dirname -- "$1")" && cat >"$1.new" && chmod "$2" -- "$1.new" && mv -fT -- "$1.new" "$1"`
	_, err = m.enter(ctx, f, nil, nil, "/bin/sh", "-c", script, "sh", to, strconv.FormatUint(uint64(mode), 8))
	return err
}

func (m *machine) copyTree(ctx context.Context, from, to string) error {
	r, w := io.Pipe()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		_, err := run.Local{}.Run(ctx, run.Command{
			Argv: []string{"tar", "-C", filepath.Clean(from), "-cf", "-", "."}, Stdout: w,
		})
		w.CloseWithError(err)
		return err
	})
	group.Go(func() error {
		_, err := m.enter(ctx, r, nil, nil, "/bin/sh", "-c", `mkdir -p -- "$1" && tar --no-same-owner -C "$1" -xf -`, "sh", to)
		r.CloseWithError(err)
		return err
	})
	return group.Wait()
}
