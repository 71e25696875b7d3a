// Package trial is what tests deploy with: the program that is tried, an
// operator who runs it, and looks at the hosts from inside. It knows nothing of
// a test's frame, so that whatever finds a fault can say so in its own way.
package trial

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"

	"flakeops/tests/lab/host"
)

// Build builds the program into dir, and its small agent to where it looks for
// one, and returns the program's path. It must be called from within the project's
// source tree.
func Build(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "flakeops")
	cpu := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	agent := filepath.Join(dir, "libexec", "flakeops", "flakeops-"+cpu+"-linux")
	// The agent comes last: one older than the program is not used.
	for _, what := range [][2]string{{binary, "flakeops"}, {agent, "flakeops/activate/agent/flakeops-agent"}} {
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", what[0], what[1])
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return "", fmt.Errorf("building %s: %w\n%s", what[1], err, out)
		}
	}
	return binary, nil
}

// Env is the environment of an operator with that home and ssh_config. Nothing in
// it is the developer's own.
func Env(home, sshConfig string) ([]string, error) {
	runtime := filepath.Join(home, "run")
	if err := os.MkdirAll(runtime, 0o700); err != nil {
		return nil, err
	}
	env := []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + home,
		"XDG_RUNTIME_DIR=" + runtime,
		"NIX_SSHOPTS=-F " + sshConfig,
		"LANG=C.UTF-8",
	}
	return append(env, host.NixEnv()...), nil
}

// Process is a program that runs on the operator's behalf.
type Process struct {
	Cmd    *exec.Cmd
	Stdout Watched
	Stderr Watched
}

// Start starts a program in the directory dir, for as long as ctx lasts. It has
// a process group of its own, as a shell gives it, so that a signal can be sent as
// Ctrl-C is, and no terminal to ask questions on. It dies with the thread that
// started it.
func Start(ctx context.Context, dir string, env []string, argv ...string) (*Process, error) {
	p := &Process{Cmd: exec.CommandContext(ctx, argv[0], argv[1:]...)}
	p.Cmd.Dir, p.Cmd.Env = dir, env
	p.Cmd.Stdout, p.Cmd.Stderr = &p.Stdout, &p.Stderr
	p.Cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	return p, p.Cmd.Start()
}

// Wait waits for the end and returns the exit code, which is -1 for a program
// that a signal ended. The error is for a program that could not be waited for.
func (p *Process) Wait() (int, error) {
	err := p.Cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return -1, fmt.Errorf("running %s: %w", p.Cmd.Path, err)
	}
	return p.Cmd.ProcessState.ExitCode(), nil
}

// Signal sends a signal to the whole process group, as a terminal does.
func (p *Process) Signal(s syscall.Signal) error { return syscall.Kill(-p.Cmd.Process.Pid, s) }

// Watched is a buffer that can be read while it is written.
type Watched struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write adds to the buffer.
func (w *Watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

// String is all that was written so far.
func (w *Watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}
