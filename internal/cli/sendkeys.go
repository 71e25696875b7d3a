package cli

import (
	"cmp"
	"context"

	"flakeops/flake"
	"flakeops/internal/cli/document"
	"flakeops/internal/fleet"
	"flakeops/internal/ui"
)

type sendKeysCmd struct {
	selection `embed:""`
	pace      `embed:""`
	reach     `embed:""`
	nixFlags  `embed:""`
	events    `embed:""`
}

// Help is the verb's detailed help.
func (sendKeysCmd) Help() string {
	return `Reads all keys of the selected nodes first; when one cannot be read, no host is changed. Then each host gets its keys in one message. Keys that did not change are not touched, keys that are no longer declared are removed, and the units that use what changed are restarted.`
}

// Run sends keys.
func (c sendKeysCmd) Run(ctx context.Context, s *session) error {
	return s.take(ctx, c)
}

func (c sendKeysCmd) flags() fleetFlags {
	return fleetFlags{c.selection, c.pace, c.reach, c.nixFlags, c.events, partition{}}
}

func (sendKeysCmd) options() fleet.Options {
	return fleet.Options{Want: flake.SettingsOnly, Keys: true}
}

func (sendKeysCmd) steps(ctx context.Context, r *fleet.Run, _ confirmer) {
	r.Each(ctx, fleet.AllAtOnce, reachWithKeys)
	r.Each(ctx, r.Parallel, func(ctx context.Context, n *fleet.Node) (fleet.Result, error) {
		if !n.SendsKeys() {
			return fleet.Result{Outcome: fleet.UpToDate, Note: "it has no keys"}, nil
		}
		err := n.SendKeys(ctx)
		return fleet.Result{Outcome: fleet.KeysSent, Note: cmp.Or(keysNote(n), "all unchanged")}, err
	})
}

// reachWithKeys reaches a host, and where keys are sent has them here and the agent that
// they are for there.
func reachWithKeys(ctx context.Context, n *fleet.Node) (fleet.Result, error) {
	if err := n.Reach(ctx); err != nil || !n.SendsKeys() {
		return fleet.Result{}, err
	}
	if _, err := n.ReadKeys(ctx); err != nil {
		return fleet.Result{}, err
	}
	return fleet.Result{}, n.BringAgent(ctx)
}

func (sendKeysCmd) report(r *fleet.Run, u *ui.UI, code int) error {
	return document.WriteTaken(u, r, code)
}
