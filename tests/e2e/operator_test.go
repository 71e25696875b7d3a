package e2e

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"flakeops/tests/trial"
)

// patience bounds every wait of a test.
const patience = 90 * time.Second

// result is a flakeops that has ended.
type result struct {
	t      *testing.T
	code   int // -1: killed
	stdout string
	stderr string
}

// process is a flakeops that runs.
type process struct {
	*trial.Process
	t      *testing.T
	cancel context.CancelFunc
}

// deploy runs flakeops deploy on the fleet's flake to its end.
func (f *fleet) deploy(args ...string) *result {
	f.t.Helper()
	return f.run(append([]string{"deploy", "path:" + f.dir}, args...)...)
}

// run runs flakeops to its end.
func (f *fleet) run(args ...string) *result {
	f.t.Helper()
	return f.start(args...).wait()
}

// start starts flakeops. It is killed when the test ends.
func (f *fleet) start(args ...string) *process {
	f.t.Helper()
	return f.startEnv(nil, args...)
}

// startEnv is start with something added to the environment.
func (f *fleet) startEnv(env []string, args ...string) *process {
	f.t.Helper()
	return f.startProgram(binary, env, args...)
}

// startProgram is startEnv for another flakeops than the one under test.
func (f *fleet) startProgram(program string, env []string, args ...string) *process {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	started, err := trial.Start(ctx, f.home, append(f.env(), env...), append([]string{program}, args...)...)
	if err != nil {
		cancel()
		f.t.Fatal(err)
	}
	p := &process{Process: started, t: f.t, cancel: cancel}
	f.t.Cleanup(func() { cancel(); _ = p.Cmd.Wait() })
	return p
}

// wait waits for the end.
func (p *process) wait() *result {
	p.t.Helper()
	defer p.cancel()
	code, err := p.Wait()
	if err != nil {
		p.t.Fatal(err)
	}
	return &result{t: p.t, code: code, stdout: p.Stdout.String(), stderr: p.Stderr.String()}
}

// signal sends a signal to the whole process group.
func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// says waits until flakeops has written text to stderr.
func (p *process) says(text string) {
	p.t.Helper()
	eventually(p.t, "flakeops says "+text, func() bool { return strings.Contains(p.Stderr.String(), text) })
}

// exits asserts the exit code and shows everything if it is another.
func (r *result) exits(code int) *result {
	r.t.Helper()
	if r.code != code {
		r.t.Fatalf("exit code %d, want %d\nstdout:\n%s\nstderr:\n%s", r.code, code, r.stdout, r.stderr)
	}
	return r
}

// says asserts that every text is in the output.
func (r *result) says(texts ...string) *result {
	r.t.Helper()
	for _, text := range texts {
		if !strings.Contains(r.stdout+r.stderr, text) {
			r.t.Errorf("the output does not say %q\nstdout:\n%s\nstderr:\n%s", text, r.stdout, r.stderr)
		}
	}
	return r
}

// keepsQuiet asserts that no text is in the output.
func (r *result) keepsQuiet(texts ...string) *result {
	r.t.Helper()
	for _, text := range texts {
		if strings.Contains(r.stdout+r.stderr, text) {
			r.t.Errorf("the output says %q\nstdout:\n%s\nstderr:\n%s", text, r.stdout, r.stderr)
		}
	}
	return r
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s in vain: %s", patience, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
