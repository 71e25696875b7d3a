package cli

import (
	"context"

	"flakeops/flake"
)

type sendKeysCmd struct {
	selection `embed:""`
	pace      `embed:""`
	reach     `embed:""`
	nixFlags  `embed:""`
	answer    `embed:""`
}

// Help is the verb's detailed help.
func (sendKeysCmd) Help() string {
	return `Reads all keys of the selected nodes first; when one cannot be read, no host is changed. Then each host gets its keys in one message. Keys that did not change are not touched, keys that are no longer declared are removed, and the units that use what changed are restarted.`
}

// Run sends keys.
func (c sendKeysCmd) Run(ctx context.Context, s *session) error {
	return s.pipeline(ctx, pipelineFlags(c), plan{through: throughReach, want: flake.SettingsOnly, keys: true, visit: sendKeys})
}

func sendKeys(ctx context.Context, p *pipeline, n *node) error {
	if !p.sendsKeys(n) {
		p.end(n, result{outcome: outcomeUpToDate, note: "it has no keys"})
		return nil
	}
	if err := p.sendAll(ctx, n); err != nil {
		return err
	}
	note := n.keysNote()
	if note == "" {
		note = "all unchanged"
	}
	p.end(n, result{outcome: outcomeKeysSent, note: note})
	return nil
}
