package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"github.com/jedib0t/go-pretty/v6/table"

	"flakeops/tests/lab/host"
)

type statusCmd struct{}

// Run lists one lab as it is, and several under their names.
func (c *statusCmd) Run(ctx context.Context, which which) error {
	if which.Lab == "" {
		all, err := host.ByHand(ctx)
		if err != nil {
			return err
		}
		if len(all) > 1 {
			for _, lab := range all {
				if _, err := fmt.Printf("lab %s\n", lab.Name()); err != nil {
					return err
				}
				if err := printStatus(ctx, os.Stdout, lab); err != nil {
					return err
				}
			}
			return nil
		}
	}
	lab, err := host.Open(ctx, which.Lab)
	if err != nil {
		return err
	}
	return printStatus(ctx, os.Stdout, lab)
}

func printStatus(ctx context.Context, w io.Writer, lab *host.Lab) error {
	t := table.NewWriter()
	t.AppendHeader(table.Row{"host", "suite", "address", "power", "link"})
	for _, h := range lab.Hosts() {
		s, err := h.Status(ctx)
		if err != nil {
			return err
		}
		power, link := "off", "up"
		if s.On {
			power = "on"
		}
		if s.Cut {
			link = "cut"
		}
		t.AppendRow(table.Row{h.Name, h.Suite, h.Addr(), power, link})
	}
	_, err := fmt.Fprintf(w, "%s\nssh -F %s HOST\nNIX_SSHOPTS='-F %[2]s'\n", t.Render(), lab.SSHConfig())
	return err
}

type sshCmd struct {
	Host    string   `arg:"" help:"Host to log in to, as [USER@]HOST."`
	Command []string `arg:"" optional:"" passthrough:"" help:"Command to run there instead of a shell."`
}

// Run becomes ssh.
func (c *sshCmd) Run(ctx context.Context, which which) error {
	lab, err := host.Open(ctx, which.Lab)
	if err != nil {
		return err
	}
	ssh, err := exec.LookPath("ssh")
	if err != nil {
		return err
	}
	argv := append([]string{"ssh", "-F", lab.SSHConfig(), "--", c.Host}, c.Command...)
	return syscall.Exec(ssh, argv, os.Environ())
}

// one is the argument of a command that does something to one host.
type one struct {
	Host string `arg:"" help:"Host."`
}

func (o *one) do(ctx context.Context, which which, f func(*host.Host, context.Context) error) error {
	lab, err := host.Open(ctx, which.Lab)
	if err != nil {
		return err
	}
	for _, h := range lab.Hosts() {
		if h.Name == o.Host {
			return f(h, ctx)
		}
	}
	return fmt.Errorf("no host is called %q; `status` lists them", o.Host)
}

type cutCmd struct{ one }

func (c *cutCmd) Run(ctx context.Context, which which) error {
	return c.do(ctx, which, (*host.Host).Cut)
}

type healCmd struct{ one }

func (c *healCmd) Run(ctx context.Context, which which) error {
	return c.do(ctx, which, (*host.Host).Heal)
}

type powerCutCmd struct{ one }

func (c *powerCutCmd) Run(ctx context.Context, which which) error {
	return c.do(ctx, which, (*host.Host).PowerCut)
}

type rebootCmd struct{ one }

func (c *rebootCmd) Run(ctx context.Context, which which) error {
	return c.do(ctx, which, (*host.Host).Reboot)
}
