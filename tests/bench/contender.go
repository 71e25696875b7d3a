package main

import (
	"bytes"
	"context"
	_ "embed" // raw.sh
	"fmt"
	"os/exec"
	"syscall"
	"time"

	"flakeops/tests/lab/host"
)

//go:embed raw.sh
var rawScript string

// contender is a way to deploy some of the fleet's nodes.
type contender struct {
	name string
	argv func(hosts []*host.Host) []string
}

// contenders are flakeops and what it is measured against, in this order.
func (b *bench) contenders() [2]contender {
	return [2]contender{
		{"flakeops", func(hosts []*host.Host) []string { return b.deploy(hosts) }},
		{"the script", func(hosts []*host.Host) []string {
			return append([]string{"sh", "-c", rawScript, "raw.sh", b.ref()}, names(hosts)...)
		}},
	}
}

// deploy is a command line of flakeops.
func (b *bench) deploy(hosts []*host.Host, flags ...string) []string {
	argv := append([]string{b.Flakeops, "deploy", b.ref()}, flags...)
	for _, name := range names(hosts) {
		argv = append(argv, "--on", name)
	}
	return argv
}

func names(hosts []*host.Host) []string {
	var names []string
	for _, h := range hosts {
		names = append(names, h.Name)
	}
	return names
}

// time lets a contender deploy and says how long that took.
func (b *bench) time(ctx context.Context, c contender, hosts []*host.Host) (time.Duration, error) {
	r, err := b.run(ctx, c.argv(hosts))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", c.name, err)
	}
	return r.took, b.check(ctx, hosts)
}

// runResult is a process that ended well.
type runResult struct {
	took   time.Duration
	stdout []byte
	memory int64 // peak of the process itself without its children, in bytes
}

// deadline is far beyond what any deployment here takes.
const deadline = 2 * time.Minute

// run runs a command to its end.
func (b *bench) run(ctx context.Context, argv []string) (runResult, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env, cmd.Dir = b.env(), b.work
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	// A session of its own: there is nobody to ask, and what it started can be
	// ended with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return runResult{}, err
	}
	peak := watchMemory(cmd.Process.Pid)
	err := cmd.Wait()
	r := runResult{took: time.Since(began), stdout: stdout.Bytes(), memory: peak()}
	if ctx.Err() != nil {
		return r, context.Cause(ctx)
	}
	if err != nil {
		return r, fmt.Errorf("%w\n%s%s", err, stdout.Bytes(), stderr.Bytes())
	}
	return r, nil
}
