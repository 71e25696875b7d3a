package cli

import (
	"context"
	"io"

	"flakeops/flake"
	"flakeops/internal/cli/document"
	"flakeops/internal/cli/usage"
	"flakeops/internal/fleet"
	"flakeops/internal/ui"
)

type execCmd struct {
	selection `embed:""`
	reach     `embed:""`
	nixFlags  `embed:""`
	events    `embed:""`

	Parallel int    `short:"p" default:"10" placeholder:"N" help:"Hosts to run it on at once (default 10)."`
	Sudo     bool   `help:"Run it as root, by the node's privilegeEscalationCommand."`
	Group    bool   `short:"g" help:"Print what it wrote host by host once all are through, and nothing else on stdout."`
	Stdin    string `placeholder:"FILE" help:"Give it the content of FILE, or of - for stdin; otherwise it has nothing to read."`

	command []string
	input   func() io.Reader
}

// Help is the verb's detailed help.
func (execCmd) Help() string {
	return `Runs what follows -- on the selected hosts, as the login user: flakeops exec --on @web -- uptime. No shell reads it, so each argument arrives as it is given; a shell is a command, too: -- sh -c 'cd /var/log && du -sh *'.

What it writes is printed as it comes, a line at a time with the node's name before it, stdout to stdout and stderr to stderr. A table on stderr has the exit statuses; that of flakeops is 1 if one of them is not 0. Only settings are evaluated, and a host that cannot be reached keeps no other waiting.`
}

// Run runs the command.
func (c execCmd) Run(ctx context.Context, s *session) error {
	input, end, err := s.inputs(ctx, c.Stdin)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return usage.Errorf("--stdin: %v", err)
	}
	defer end()
	c.command, c.input = s.command, input
	ctx, stop := s.whileRead(ctx)
	defer stop()
	return s.take(ctx, c)
}

func (c execCmd) flags() fleetFlags {
	return fleetFlags{c.selection, pace{c.Parallel, true}, c.reach, c.nixFlags, c.events, partition{}}
}

func (execCmd) options() fleet.Options { return fleet.Options{Want: flake.SettingsOnly} }

func (c execCmd) steps(ctx context.Context, r *fleet.Run, _ confirmer) {
	e := fleet.Execution{Argv: c.command, AsRoot: c.Sudo, Stdin: c.input, Keep: c.Group || c.JSON}
	r.Each(ctx, r.Parallel, func(ctx context.Context, n *fleet.Node) (fleet.Result, error) {
		return fleet.Result{Outcome: fleet.Executed}, n.Execute(ctx, e)
	})
}

func (c execCmd) report(r *fleet.Run, u *ui.UI, code int) error {
	return document.WriteExecuted(u, r, code)
}
