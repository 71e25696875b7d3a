package cli

import (
	"context"

	"flakeops/flake"
	"flakeops/internal/cli/document"
	"flakeops/internal/fleet"
	"flakeops/internal/ui"
)

// keysCmd holds the verbs about keys.
type keysCmd struct {
	List keysListCmd `cmd:"" help:"Compare the nodes' keys with what is on their hosts."`
}

type keysListCmd struct {
	selection `embed:""`
	pace      `embed:""`
	reach     `embed:""`
	nixFlags  `embed:""`
	events    `embed:""`
}

// Help is the verb's detailed help.
func (keysListCmd) Help() string {
	return `Reads the keys of the selected nodes and tells for each whether it is on the host as declared: present, missing, or different in content, owner or mode. Values never show, and none are sent: the hosts compare digests.`
}

// Run lists keys.
func (c keysListCmd) Run(ctx context.Context, s *session) error {
	return s.take(ctx, c)
}

func (c keysListCmd) flags() fleetFlags {
	return fleetFlags{c.selection, c.pace, c.reach, c.nixFlags, c.events, partition{}}
}

func (keysListCmd) options() fleet.Options {
	return fleet.Options{Want: flake.SettingsOnly, Keys: true}
}

func (keysListCmd) steps(ctx context.Context, r *fleet.Run, _ confirmer) {
	r.Each(ctx, fleet.AllAtOnce, reachWithKeys)
	r.Each(ctx, r.Parallel, func(ctx context.Context, n *fleet.Node) (fleet.Result, error) {
		checked := fleet.Result{Outcome: fleet.Checked}
		if len(n.Settings.Keys) == 0 {
			checked.Note = "it has no keys"
		}
		return checked, n.CheckKeys(ctx)
	})
}

func (keysListCmd) report(r *fleet.Run, u *ui.UI, code int) error {
	return document.WriteKeys(u, r, code)
}
