package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

const (
	defaultGrace = 5 * time.Second
	stderrTail   = 8 << 10
)

// Local runs commands on this machine. The zero value is ready to use.
type Local struct{}

// Run starts cmd in a session of its own. So a Ctrl-C typed at flakeops reaches
// its children only by way of the context; and one that wants to ask on the
// terminal finds none and says so, where in the background of flakeops's own
// session it would be stopped for good. Whatever the children started ends with
// them: SIGTERM to the group when ctx ends, SIGKILL after the grace period.
func (Local) Run(ctx context.Context, cmd Command) (Result, error) {
	if len(cmd.Argv) == 0 {
		return Result{Code: -1}, &Error{Code: -1, Err: errors.New("empty command")}
	}
	grace := cmd.Grace
	if grace == 0 {
		grace = defaultGrace
	}
	tail := &Tail{Max: stderrTail}
	c := exec.CommandContext(ctx, cmd.Argv[0], cmd.Argv[1:]...)
	c.Dir, c.Stdin, c.Stdout = cmd.Dir, cmd.Stdin, cmd.Stdout
	if len(cmd.Env) > 0 {
		c.Env = append(os.Environ(), cmd.Env...)
	}
	c.Stderr = tail
	if cmd.Stderr != nil {
		c.Stderr = io.MultiWriter(cmd.Stderr, tail)
	}
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	c.Cancel = func() error { return signalGroup(c.Process.Pid, syscall.SIGTERM) }
	c.WaitDelay = grace

	err := c.Start()
	if err == nil {
		if cmd.Began != nil {
			cmd.Began(c.Process.Pid)
		}
		err = c.Wait()
	}
	if c.Process != nil && ctx.Err() != nil {
		// The leader is gone; what it left behind in its group goes too.
		_ = signalGroup(c.Process.Pid, syscall.SIGKILL)
	}
	res := Result{Code: -1}
	if s := c.ProcessState; s != nil {
		res.Code = s.ExitCode()
		if ru, ok := s.SysUsage().(*syscall.Rusage); ok {
			res.MaxRSS = maxRSSBytes(ru)
		}
	}
	if errors.Is(err, exec.ErrWaitDelay) && ctx.Err() == nil && res.Code == 0 {
		// It ended well, but left something behind that holds its output open.
		err = nil
	}
	if err == nil {
		return res, nil
	}
	return res, &Error{Argv: cmd.Argv, Code: res.Code, Stderr: tail.String(), Err: cause(ctx, c, err)}
}

// cause reduces what os/exec reports to the part worth telling: the context's
// error first, then a signal, then a failure to start; nil for an exit status.
func cause(ctx context.Context, c *exec.Cmd, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		var ee *exec.Error
		if errors.As(err, &ee) {
			return ee.Err
		}
		return err
	}
	if ws, ok := c.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return fmt.Errorf("killed by signal: %v", ws.Signal())
	}
	return nil
}

func signalGroup(pid int, sig syscall.Signal) error {
	err := syscall.Kill(-pid, sig)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}
