package cli

import (
	"context"
	"time"

	"flakeops/flake"
	"flakeops/internal/cli/document"
	"flakeops/internal/cli/usage"
	"flakeops/internal/fleet"
	"flakeops/internal/ui"
)

type rebootCmd struct {
	selection `embed:""`
	reach     `embed:""`
	nixFlags  `embed:""`
	events    `embed:""`
	noKeys    `embed:""`

	Parallel  int  `short:"p" default:"1" placeholder:"N" help:"Hosts to reboot at once (default 1)."`
	KeepGoing bool `short:"k" help:"Reboot the other hosts although one did not come back well."`
	NoWait    bool `help:"Only order the reboots."`
	Timeout   int  `default:"600" placeholder:"SECONDS" help:"Time for a host to come back (default 600)."`
}

// Help is the verb's detailed help.
func (rebootCmd) Help() string {
	return `Reboots the selected hosts, as many at once as --parallel says, and waits for each to answer again from another boot. A host that comes back must run the system of its profile, and has its keys sent again. Units that failed are named.

A host that does not come back well keeps the others from being rebooted.`
}

// Run reboots.
func (c rebootCmd) Run(ctx context.Context, s *session) error {
	if c.Timeout < 1 {
		return usage.Errorf("--timeout takes at least one second")
	}
	return s.take(ctx, c)
}

func (c rebootCmd) flags() fleetFlags {
	return fleetFlags{c.selection, pace{c.Parallel, c.KeepGoing}, c.reach, c.nixFlags, c.events, partition{}}
}

func (c rebootCmd) options() fleet.Options {
	return fleet.Options{Want: flake.SettingsOnly, Keys: !c.NoKeys && !c.NoWait}
}

func (c rebootCmd) steps(ctx context.Context, r *fleet.Run, _ confirmer) {
	r.Each(ctx, fleet.AllAtOnce, reachWithKeys)
	r.Each(ctx, r.Parallel, func(ctx context.Context, n *fleet.Node) (fleet.Result, error) {
		if c.NoWait {
			return fleet.Result{Outcome: fleet.RebootOrdered}, n.OrderReboot(ctx)
		}
		return fleet.Result{Outcome: fleet.Rebooted}, n.Reboot(ctx, time.Duration(c.Timeout)*time.Second)
	})
}

// rebootTimeout is how many seconds deploy --reboot gives a host to come back.
const rebootTimeout = 600

func (rebootCmd) report(r *fleet.Run, u *ui.UI, code int) error {
	return document.WriteTaken(u, r, code)
}
