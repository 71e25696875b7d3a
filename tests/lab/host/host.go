package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Host is one host of a lab.
type Host struct {
	Name  string
	Suite string

	lab     *Lab
	addr    string
	factory string
}

// ScriptError is a script that ran on a host and failed.
type ScriptError struct {
	Host   string
	Code   int    // exit status
	Stderr string // all of it
}

// Error names the host and ends with what the script said.
func (e *ScriptError) Error() string {
	return fmt.Sprintf("script on host %s: exit status %d: %s", e.Host, e.Code, strings.TrimSpace(e.Stderr))
}

// Addr is the host's IPv4 address; sshd listens on port 22 of it.
func (h *Host) Addr() string { return h.addr }

// FactorySystem is the store path of generation 1, which the host came with.
func (h *Host) FactorySystem() string { return h.factory }

func (h *Host) ask(ctx context.Context, r request) (answer, error) {
	r.Host = h.Name
	return h.lab.slot.ask(ctx, r)
}

// Status is what can be seen of a host from outside.
type Status struct {
	On  bool // has power
	Cut bool // its link is down
}

// Status looks at the host from outside.
func (h *Host) Status(ctx context.Context) (Status, error) {
	s, err := h.lab.find(ctx, h.Name)
	return Status{On: s.On, Cut: s.Cut}, err
}

// Shell runs a script with /bin/sh as root on the host, not by way of the
// network, and returns its standard output. It waits while the host boots. A
// script that fails gives a *ScriptError, and the output it had until then.
func (h *Host) Shell(ctx context.Context, script string) (string, error) {
	a, err := h.ask(ctx, request{Op: opShell, Script: script})
	if err != nil {
		return "", fmt.Errorf("running a script on host %s: %w", h.Name, err)
	}
	if a.Code != 0 {
		err = &ScriptError{Host: h.Name, Code: a.Code, Stderr: a.Stderr}
	}
	return a.Stdout, err
}

// CopyIn copies a file, or what is in a directory, to an absolute path on the
// host, where it belongs to root. Missing directories are made. From can't be
// below /run or /proc.
func (h *Host) CopyIn(ctx context.Context, from, to string) error {
	from, err := filepath.Abs(from)
	if err != nil {
		return err
	}
	_, err = h.ask(ctx, request{Op: opCopyIn, From: from, To: to})
	return err
}

// Cut takes the host's link down: what is sent to it is lost without a word,
// and connections stay open. It stays cut until Heal, over any reboot.
func (h *Host) Cut(ctx context.Context) error {
	_, err := h.ask(ctx, request{Op: opCut})
	return err
}

// Heal brings the link up again.
func (h *Host) Heal(ctx context.Context) error {
	_, err := h.ask(ctx, request{Op: opHeal})
	return err
}

// PowerOff ends the host as a power cut would: all of its processes are killed
// at once. Its disk is kept. It returns when the host is off.
func (h *Host) PowerOff(ctx context.Context) error {
	_, err := h.ask(ctx, request{Op: opOff})
	return err
}

// PowerOn boots a host that is off and waits until it is up.
func (h *Host) PowerOn(ctx context.Context) error {
	if _, err := h.ask(ctx, request{Op: opOn}); err != nil {
		return err
	}
	return h.waitUp(ctx, "")
}

// PowerCut is PowerOff and then PowerOn.
func (h *Host) PowerCut(ctx context.Context) error {
	if err := h.PowerOff(ctx); err != nil {
		return err
	}
	return h.PowerOn(ctx)
}

// Reboot asks the host's systemd to reboot and waits until it is up again.
func (h *Host) Reboot(ctx context.Context) error {
	before, err := h.BootID(ctx)
	if err != nil {
		return err
	}
	// The script may be killed by the reboot it asks for: the boot ID tells.
	var failed *ScriptError
	if _, err := h.Shell(ctx, "systemctl reboot"); err != nil && !errors.As(err, &failed) {
		return err
	}
	return h.WaitBoot(ctx, before)
}

// BootID is the kernel's ID of the present boot.
func (h *Host) BootID(ctx context.Context) (string, error) {
	id, err := h.Shell(ctx, "cat /proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(id), err
}

// WaitBoot waits until the host is up in another boot than previous, a boot ID:
// systemd is done, whether or not a unit failed, and SSH answers unless the
// link is cut.
func (h *Host) WaitBoot(ctx context.Context, previous string) error {
	return h.waitUp(ctx, previous)
}

func (h *Host) waitUp(ctx context.Context, previous string) error {
	ctx, cancel := context.WithTimeout(ctx, bootLimit)
	defer cancel()
	a, err := h.ask(ctx, request{Op: opSettle, Previous: previous})
	if err == nil && a.State == "maintenance" {
		err = fmt.Errorf("it booted into maintenance; failed units: %s", a.Failed)
	}
	if err == nil {
		err = h.waitSSHUnlessCut(ctx)
	}
	if err != nil {
		return fmt.Errorf("waiting for host %s to boot: %w%s", h.Name, err, h.consoleTail())
	}
	return nil
}

func (h *Host) waitSSHUnlessCut(ctx context.Context) error {
	s, err := h.Status(ctx)
	if err != nil || s.Cut {
		return err
	}
	return h.WaitSSH(ctx)
}

// WaitSSH waits until the host's sshd greets a new connection.
func (h *Host) WaitSSH(ctx context.Context) error {
	for {
		err := h.greet(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for sshd of host %s: %w: %w", h.Name, ctx.Err(), err)
		case <-time.After(retryEvery):
		}
	}
}

// greet tries once.
func (h *Host) greet(ctx context.Context) error {
	const patience = time.Second
	dialer := net.Dialer{Timeout: patience}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(h.addr, "22"))
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	greeting := make([]byte, len("SSH-"))
	if _, err := conn.Read(greeting); err != nil {
		return err
	}
	if !bytes.Equal(greeting, []byte("SSH-")) {
		return fmt.Errorf("%q is not a greeting of sshd", greeting)
	}
	return nil
}

// consoleTail is the end of what the host said on its console.
func (h *Host) consoleTail() string {
	text, err := os.ReadFile(filepath.Join(h.lab.dir, "hosts", h.Name, "console.log"))
	if err != nil || len(text) == 0 {
		return ""
	}
	const keep = 2 << 10
	return "\nits console ends with:\n" + string(text[max(0, len(text)-keep):])
}
