package store

import (
	"maps"
	"slices"
)

// settle reports the open nodes that need a derivation that failed.
func (b *build) settle() error {
	failed := slices.Sorted(maps.Keys(b.failures))
	var keep []Job
	for i, n := range b.open {
		needs := []string{n.Drv}
		if b.failures[n.Drv] == nil && len(failed) > 0 {
			var err error
			if needs, err = b.owners.needs(b.ctx, n, failed); err != nil {
				b.open = append(keep, b.open[i:]...)
				return err
			}
		}
		needs = slices.DeleteFunc(needs, func(drv string) bool { return b.failures[drv] == nil })
		if len(needs) == 0 {
			keep = append(keep, n)
			continue
		}
		f := b.failures[needs[0]]
		b.failNode(&BuildError{
			Node: n.Node, System: n.Drv, Drv: needs[0], Others: len(needs) - 1, Reason: f.reason, Log: f.log,
		})
	}
	b.open = keep
	return nil
}

// giveUp fails the open nodes with nix's last words, for want of anything better.
func (b *build) giveUp(words string) {
	for _, n := range b.open {
		b.failNode(&BuildError{Node: n.Node, System: n.Drv, Reason: words})
	}
	b.open = nil
}

func (b *build) failNode(e *BuildError) {
	b.report(BuildEvent{Node: e.Node, Kind: BuildFailed, Derivation: e.System, Err: e})
}
