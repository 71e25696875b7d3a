package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flakeops/internal/run"
)

// leftover names the first thing that is left of a lab. Other labs may live.
func leftover(s slot, dir string) error {
	for _, path := range []string{
		dir, s.record(), "/sys/class/net/" + s.link(),
		"/sys/fs/cgroup/" + s.cgroup(), "/sys/fs/cgroup/unified/" + s.cgroup(), "/sys/fs/cgroup/systemd/" + s.cgroup(),
	} {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s is left (%v)", path, err)
		}
	}
	return liveLeftover(s, dir)
}

// liveLeftover looks only for what takes memory or can do something.
func liveLeftover(s slot, dir string) error {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	if bytes.Contains(mounts, []byte(dir)) {
		return errors.New("a mount is left")
	}
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return err
	}
	for _, path := range processes {
		text, err := os.ReadFile(path)
		if err == nil && bytes.Contains(text, []byte(dir)) {
			return fmt.Errorf("a process is left: %q", text)
		}
	}
	routes, err := run.Output(context.Background(), run.Local{}, run.Command{Argv: []string{"ip", "route", "show", s.subnet()}, Env: []string{rootPath()}})
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(routes)) > 0 {
		return fmt.Errorf("a route is left: %s", routes)
	}
	l, err := s.listen()
	if err != nil {
		return err
	}
	if l == nil {
		return errors.New("the control socket is held")
	}
	return l.Close()
}

func TestCloseLeavesNothing(t *testing.T) {
	before, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward")
	if err != nil {
		t.Fatal(err)
	}
	// Characters that mount, systemd-nspawn or ssh_config take for something else.
	lab, err := New(t.Context(), filepath.Join(t.TempDir(), `a b,c:d\e%f`))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lab.Close() }) // it is closed already, if all goes well
	on := startHost(t, lab, Options{Name: "on", Deployer: true})
	mustLogin(t, lab, "on", "true")
	shell(t, on, "test -r '"+lab.Key()+"'")
	startHost(t, lab, Options{Name: "small", Suite: "trixie", DiskSize: 64 << 20})
	off := startHost(t, lab, Options{Name: "off", Suite: "sid"})
	if err := off.PowerOff(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := lab.Start(t.Context(), Options{Name: "off"}); err == nil || !strings.Contains(err.Error(), `"off" already`) {
		t.Errorf("a second host of the same name: %v", err)
	}
	if err := lab.Close(); err != nil {
		t.Fatal(err)
	}
	if err := leftover(lab.slot, lab.dir); err != nil {
		t.Error(err)
	}
	after, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward")
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("forwarding was %q and is %q, %v", before, after, err)
	}
	if _, err := lab.Start(t.Context(), Options{Name: "late"}); err == nil {
		t.Error("a closed lab starts hosts")
	}
}

func TestLabsAtTheSameTime(t *testing.T) {
	one, two := newTestLab(t), newTestLab(t)
	a := startHost(t, one, Options{Name: "web"})
	b := startHost(t, two, Options{Name: "web"})
	if a.Addr() == b.Addr() {
		t.Fatalf("both are %s", a.Addr())
	}
	shell(t, a, "touch /root/mine")
	shell(t, b, "! test -e /root/mine")
	mustLogin(t, one, "web", "test -e /root/mine")
	mustLogin(t, two, "web", "! test -e /root/mine")
	if out, err := login(t.Context(), one, b.Addr(), "true"); err == nil {
		t.Errorf("one lab's key and known hosts are good for the other: %s", out)
	}
}

// TestOwnerKilled kills the process that made a lab, with no chance to clean up.
func TestOwnerKilled(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), ownerVariable+"="+t.TempDir())
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var dir string
	var s slot
	_, scanErr := fmt.Fscanln(stdout, &dir, &s)
	if scanErr == nil && liveLeftover(s, dir) == nil {
		t.Error("the lab is not seen while it lives")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if scanErr != nil {
		t.Fatalf("the owner made no lab: %v", scanErr)
	}
	eventually(t, 20*time.Second, func() error { return leftover(s, dir) })
}

// TestSupervisorKilled kills the process that would clean up.
func TestSupervisorKilled(t *testing.T) {
	lab, err := New(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	startHost(t, lab, Options{Name: "web", Suite: "sid"})
	if err := lab.supervisor.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, func() error {
		_, err := lab.slot.ask(t.Context(), request{Op: opStatus})
		if err == nil {
			return errors.New("the supervisor answers")
		}
		return liveLeftover(lab.slot, lab.dir)
	})
	if err := lab.Close(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("closing a lab whose supervisor was killed: %v", err)
	}
	// Another process that makes a lab just now may be the one that sweeps.
	eventually(t, 20*time.Second, func() error { return leftover(lab.slot, lab.dir) })
}
