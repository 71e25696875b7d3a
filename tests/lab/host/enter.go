package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// hostPath is where programs are on a host.
const hostPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// enter runs a shell in the machine and returns its exit status. The shell is
// a child of ours that is in the machine from its first instruction. A program
// in between that waits for it, as nsenter does, is what must not be: it stops
// when the machine's shutdown stops all processes, the dead shell stays unreaped,
// and the kernel keeps the machine's process 1 until it is.
func (m *machine) enter(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer, args ...string) (int, error) {
	pid, err := m.init(ctx)
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, "/bin/sh", args...)
	cmd.Dir = "/"
	cmd.Env = []string{
		"HOME=/root", "USER=root", "LOGNAME=root", "LANG=C.UTF-8",
		hostPath,
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	cmd.WaitDelay = time.Second // to wait for output of what the shell has left behind
	if err := startInside(pid, cmd); err != nil {
		return 0, fmt.Errorf("entering host %s: %w", m.def.Name, err)
	}
	err = cmd.Wait()
	var failed *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case errors.As(err, &failed) && failed.Exited():
		return failed.ExitCode(), nil
	case errors.Is(err, exec.ErrWaitDelay):
		return 0, nil // what it has started in the background stays
	}
	return 0, err
}

// startInside starts cmd in the namespaces of a process. A thread's namespaces
// are inherited by what is started from it, so one thread goes there, and ends
// with its goroutine since that stays locked to it.
func startInside(pid int, cmd *exec.Cmd) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := joinNamespaces(pid)
		if err == nil {
			err = cmd.Start()
		}
		started <- err
	}()
	return <-started
}

func joinNamespaces(pid int) error {
	// The root directory goes with the mount namespace, and only a thread that
	// has one to itself may change it.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("unsharing the root directory: %w", err)
	}
	kinds := []string{"cgroup", "ipc", "uts", "net", "pid", "mnt"}
	var files []*os.File
	for _, kind := range kinds {
		f, err := os.Open(fmt.Sprintf("/proc/%d/ns/%s", pid, kind))
		if err != nil {
			return err
		}
		defer f.Close()
		files = append(files, f)
	}
	for i, f := range files {
		if err := unix.Setns(int(f.Fd()), 0); err != nil {
			return fmt.Errorf("joining the %s namespace: %w", kinds[i], err)
		}
	}
	return nil
}
