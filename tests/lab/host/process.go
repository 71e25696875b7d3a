package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// supervise starts this very program again as the lab's supervisor.
func (l *Lab) supervise(listener *net.UnixListener, detached bool) error {
	def, err := json.Marshal(supervisorDef{Slot: l.slot, Dir: l.dir, Detached: detached})
	if err != nil {
		return err
	}
	socket, err := listener.File()
	if err != nil {
		return err
	}
	defer socket.Close()
	log, err := os.Create(filepath.Join(l.dir, logName))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{supervisorName, string(def)},
		Dir: "/", Env: []string{rootPath(), "LANG=C.UTF-8"},
		Stdout: log, Stderr: log, ExtraFiles: []*os.File{socket},
		SysProcAttr: &syscall.SysProcAttr{
			Setsid:     true,
			Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
		},
	}
	if !detached {
		ours, theirs, err := lifeLine()
		if err != nil {
			return err
		}
		defer theirs.Close()
		l.life, cmd.Stdin = ours, theirs
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the lab's supervisor: %w", err)
	}
	l.supervisor = cmd
	return listener.Close() // from now on the supervisor's only
}

// lifeLine is a pipe of which nobody but this process has the end to write to.
func lifeLine() (ours, theirs *os.File, err error) {
	theirs, ours, err = os.Pipe()
	return ours, theirs, err
}

// awaitEnd waits until the supervisor is gone, and cleans up after it if it
// could not do that itself.
func (l *Lab) awaitEnd(ctx context.Context) error {
	if l.life != nil {
		_ = l.life.Close()
	}
	if l.supervisor != nil {
		stop := context.AfterFunc(ctx, func() { _ = l.supervisor.Process.Kill() })
		err := l.supervisor.Wait()
		stop()
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			log, _ := os.ReadFile(filepath.Join(l.dir, logName))
			return errors.Join(fmt.Errorf("the lab's supervisor: %w: %s", err, log), Sweep(context.WithoutCancel(ctx)))
		}
		return err
	}
	for {
		listener, err := l.slot.listen()
		if err != nil {
			return err
		}
		if listener != nil {
			return listener.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the lab to end: %w", ctx.Err())
		case <-time.After(retryEvery):
		}
	}
}

// abandon removes a lab that did not come to be.
func (l *Lab) abandon() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
	defer cancel()
	if l.supervisor != nil {
		_ = l.supervisor.Process.Kill()
		_ = l.supervisor.Wait()
	}
	if l.life != nil {
		_ = l.life.Close()
	}
	return Sweep(ctx)
}
