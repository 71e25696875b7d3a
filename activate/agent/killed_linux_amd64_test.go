package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"flakeops/activate/agent/history"
	"flakeops/activate/wire"
	"flakeops/internal/onhost"
	"flakeops/internal/run"
)

// Every system call that changes something is a point to be killed before. The
// agent here is a process of its own, with its files in a root of its own, and real
// but for what it would have other programs do.

const (
	oldSystem = "/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-old"
	newSystem = "/nix/store/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-new"
)

// changing are the system calls by which the agent changes files.
func changing(r *unix.PtraceRegs) bool {
	switch r.Orig_rax {
	case unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2, unix.SYS_SYMLINKAT, unix.SYS_UNLINKAT, unix.SYS_MKDIRAT, unix.SYS_FTRUNCATE, unix.SYS_FLOCK:
		return true
	case unix.SYS_OPENAT:
		return r.Rdx&unix.O_CREAT != 0
	case unix.SYS_WRITE:
		return r.Rdi > 2
	}
	return false
}

// puppet stands for systemd, nix-env and switch-to-configuration.
type puppet struct{ fails string } // "SYSTEM ACTION" that exits with 1

func (p puppet) Run(_ context.Context, cmd run.Command) (run.Result, error) {
	line := strings.Join(cmd.Argv, " ")
	say := func(s string) { fmt.Fprintln(cmd.Stdout, s) }
	var err error
	switch name := filepath.Base(cmd.Argv[0]); {
	case name == "systemd-run":
		err = os.WriteFile("/run/guard", nil, 0o600)
	case strings.Contains(line, "systemctl stop"):
		_ = os.Remove("/run/guard")
	case strings.Contains(line, "is-active"):
		say("inactive")
	case strings.Contains(line, "is-system-running"):
		say("running")
	case name == "nix-env" && slices.Contains(cmd.Argv, "--set"):
		if err = swap(cmd.Argv[len(cmd.Argv)-1], defaultProfile+"-2-link"); err == nil {
			err = swap("system-2-link", defaultProfile)
		}
	case name == "nix-env":
		err = swap("system-"+cmd.Argv[len(cmd.Argv)-1]+"-link", defaultProfile)
	case name == "switch-to-configuration":
		if strings.HasSuffix(line, p.fails) {
			return run.Result{Code: 1}, &run.Error{Code: 1}
		}
		err = swap(filepath.Dir(filepath.Dir(cmd.Argv[0])), map[string]string{"test": "/run/current-system", "boot": "/boot"}[cmd.Argv[1]])
	}
	return run.Result{}, err
}

func swap(target, link string) error {
	return errors.Join(os.Symlink(target, link+".new"), os.Rename(link+".new", link))
}

// TestAgentProcess is not a test but that process.
func TestAgentProcess(t *testing.T) {
	root, verb, id := os.Getenv("AGENT_ROOT"), os.Getenv("AGENT_VERB"), os.Getenv("AGENT_ID")
	if root == "" {
		t.Skip("run by others")
	}
	if err := errors.Join(syscall.Chroot(root), os.Chdir("/")); err != nil {
		t.Fatal(err)
	}
	for _, left := range []string{"/boot.new", "/run/current-system.new", defaultProfile + ".new", defaultProfile + "-2-link.new"} {
		_ = os.Remove(left) // the puppets' own
	}
	a := &agent{runner: puppet{os.Getenv("AGENT_FAILS")}, out: os.Stdout}
	_ = a.dispatch(t.Context(), []string{verb, id}, nil)
}

func agentProcess(t *testing.T, root, verb, id, fails string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAgentProcess$")
	// The race detector has every process wait for a second before it exits.
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", "AGENT_ROOT="+root, "AGENT_VERB="+verb, "AGENT_ID="+id, "AGENT_FAILS="+fails)
	return cmd
}

// killedAt runs an agent and kills it before its nth change; it says whether it
// came as far.
func killedAt(t *testing.T, cmd *exec.Cmd, n int) bool {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	leader := cmd.Process.Pid
	defer cmd.Process.Release()
	inCall, counting := map[int]bool{}, false
	for first := true; ; first = false {
		var ws unix.WaitStatus
		pid, err := unix.Wait4(-leader, &ws, unix.WALL, nil)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case ws.Exited() || ws.Signaled():
			if pid == leader {
				return ws.Signaled()
			}
			continue
		case first:
			if err := unix.PtraceSetOptions(pid, unix.PTRACE_O_TRACECLONE|unix.PTRACE_O_TRACESYSGOOD|unix.PTRACE_O_EXITKILL); err != nil {
				t.Fatal(err)
			}
		}
		signal := 0
		switch s := ws.StopSignal(); s {
		case unix.SIGTRAP | 0x80:
			inCall[pid] = !inCall[pid]
			var regs unix.PtraceRegs
			if !inCall[pid] || unix.PtraceGetRegs(pid, &regs) != nil {
				break
			}
			if regs.Orig_rax == unix.SYS_CHROOT {
				counting = true
			} else if counting && changing(&regs) {
				if n--; n == 0 {
					_ = unix.Kill(leader, unix.SIGKILL)
				}
			}
		case unix.SIGTRAP, unix.SIGSTOP:
		default:
			signal = int(s)
		}
		_ = unix.PtraceSyscall(pid, signal) // it may be dead by now
	}
}

// aRoot is a host's files, with deployments prepared.
func aRoot(t *testing.T, req wire.Request, ids ...string) (string, layout) {
	t.Helper()
	root := t.TempDir()
	l := layout{root: root}
	for _, dir := range []string{oldSystem + "/bin", newSystem + "/bin", filepath.Dir(defaultProfile), "/run/nixos", "/var/lib", "/tmp"} {
		if err := os.MkdirAll(root+dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"/run/current-system": oldSystem, "/boot": oldSystem, defaultProfile: "system-1-link", defaultProfile + "-1-link": oldSystem} {
		if err := os.Symlink(target, root+link); err != nil {
			t.Fatal(err)
		}
	}
	for _, system := range []string{oldSystem, newSystem} {
		if err := os.WriteFile(root+system+"/bin/switch-to-configuration", nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range ids {
		req.ID = id
		if err := errors.Join(os.MkdirAll(l.deployment(id), 0o755), onhost.WriteJSON(l.request(id), req)); err != nil {
			t.Fatal(err)
		}
	}
	return root, l
}

func TestKilledBeforeAnyChange(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, for a root of its own")
	}
	for name, c := range map[string]struct {
		goal  wire.Goal
		fails string
	}{
		"switch":            {wire.Switch, "never"},
		"boot loader fails": {wire.Switch, newSystem + "/bin/switch-to-configuration boot"},
		"boot":              {wire.Boot, "never"},
	} {
		for _, then := range []string{"recover", "run"} {
			if then == "run" && name != "switch" {
				continue // what it settles is the same
			}
			t.Run(name+"/"+then, func(t *testing.T) {
				t.Parallel()
				req := wire.Request{Version: wire.Version, Goal: c.goal, System: newSystem, Agent: newSystem, Profile: defaultProfile, AutoRollback: true, ActivationTimeout: 60}
				n := 1
				for ; ; n++ {
					root, l := aRoot(t, req, "A", "B")
					came := killedAt(t, agentProcess(t, root, "run", "A", c.fails), n)
					next := "A" // who takes it up: a recovery, or the next deployment
					if then == "run" {
						next = "B"
					}
					if out, err := agentProcess(t, root, then, next, c.fails).CombinedOutput(); err != nil {
						t.Fatalf("%s: %v: %s", then, err, out)
					}
					isSettled(t, l, n, c.goal)
					if then == "run" {
						_, _ = agentProcess(t, root, "recover", "B", c.fails).CombinedOutput()
						_, _ = agentProcess(t, root, "guard", "A", c.fails).CombinedOutput()
						isSettled(t, l, n, c.goal)
					}
					isTidy(t, l, n)
					if t.Failed() || !came {
						break
					}
				}
				if n < 20 {
					t.Errorf("only %d points", n)
				}
				t.Logf("%d points", n)
			})
		}
	}
}

// isSettled asserts that nothing of a deployment is left, and that what is on record
// is so.
func isSettled(t *testing.T, l layout, n int, goal wire.Goal) {
	t.Helper()
	a := &agent{layout: l}
	if roots, _ := os.ReadDir(l.roots()); len(roots) > 0 {
		t.Errorf("killed at %d: roots are left: %v", n, roots)
	}
	if open, err := history.Unended(l.records()); err != nil || len(open) > 0 {
		t.Errorf("killed at %d: without an end: %+v, %v", n, open, err)
	}
	want := [3]string{oldSystem, oldSystem, oldSystem}
	ends := map[string]int{}
	_ = history.Each(l.records(), func(_ []byte, r wire.Record) {
		if r.Outcome == "" {
			return
		}
		if ends[r.ID]++; ends[r.ID] > 1 {
			t.Errorf("killed at %d: %s has more than one end", n, r.ID)
		}
		if r.Outcome.OK() {
			want = [3]string{newSystem, newSystem, newSystem}
			if goal == wire.Boot {
				want[0] = oldSystem
			}
		} else if r.Outcome != wire.RolledBack {
			t.Errorf("killed at %d: %+v", n, r)
		}
	})
	var got [3]string
	for i, link := range []string{l.currentSystem(), l.root + defaultProfile, l.root + "/boot"} {
		got[i], _ = os.Readlink(link)
		if p := filepath.Join(filepath.Dir(link), got[i]); strings.HasPrefix(got[i], "system-") {
			got[i], _ = os.Readlink(p)
		}
	}
	if got != want {
		t.Errorf("killed at %d: %v, want %v", n, got, want)
	}
	for _, id := range []string{"A", "B"} {
		if a.unfinished(id) {
			t.Errorf("killed at %d: %s has no end", n, id)
		}
	}
}

// isTidy asserts that nothing is left that only a living agent needs.
func isTidy(t *testing.T, l layout, n int) {
	t.Helper()
	if _, err := os.Lstat(l.root + "/run/guard"); err == nil {
		t.Errorf("killed at %d: the guard is left", n)
	}
	for _, id := range []string{"A", "B"} {
		if _, err := os.Lstat(l.socket(id)); err == nil {
			t.Errorf("killed at %d: the socket of %s is left", n, id)
		}
	}
	_ = filepath.WalkDir(l.root, func(name string, _ os.DirEntry, err error) error {
		if strings.HasSuffix(name, ".new") {
			t.Errorf("killed at %d: %s is left", n, name)
		}
		return err
	})
}
