package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"flakeops/internal/ui"
)

type sshCmd struct {
	Node     string `arg:"" name:"[flake#]node" help:"The node, of the flake that the other verbs take by default, or of another"`
	From     string `enum:",nixos" default:"" placeholder:"nixos" help:"Go by nixosConfigurations alone, although the flake tells another tool where hosts are."`
	nixFlags `embed:""`
}

// Help is the verb's detailed help.
func (sshCmd) Help() string {
	return `Becomes your own ssh, with the host, port, user and options of the node's settings and those of NIX_SSHOPTS; the terminal, Ctrl-C and the exit status are then ssh's. What follows -- is read by the login shell on the host, as ssh has it: flakeops ssh web -- 'cd /var/log && ls'. Only settings are evaluated.`
}

// Run becomes ssh.
func (c sshCmd) Run(ctx context.Context, s *session) error {
	u, log := s.open(ui.Text)
	defer u.Close()
	of := selection{Flake: c.Node}
	if !strings.Contains(c.Node, "#") {
		of.Flake, _, _ = strings.Cut(os.Getenv("FLAKEOPS_FLAKE"), "#")
		of.On = []string{c.Node}
	}
	fl, err := openFleet(ctx, of, c.nix(log), u)
	if err != nil {
		return err
	}
	argv, err := fl.OpenSSH(ctx, c.From != "")
	if err != nil {
		return err
	}
	program, err := exec.LookPath(argv[0])
	if err != nil {
		return errors.New("ssh is not in PATH: install OpenSSH's client")
	}
	u.Close() // what is written from now on is ssh's
	err = syscall.Exec(program, append(argv, s.command...), os.Environ())
	return fmt.Errorf("running %s: %w", program, err)
}
