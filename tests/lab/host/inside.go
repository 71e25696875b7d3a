package host

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
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

func (m *machine) shell(ctx context.Context, script string) (answer, error) {
	var stdout, stderr bytes.Buffer
	code, err := m.enter(ctx, nil, &stdout, &stderr, "-c", script)
	return answer{Stdout: stdout.String(), Stderr: stderr.String(), Code: code}, err
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
