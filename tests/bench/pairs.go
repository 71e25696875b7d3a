package main

import (
	"context"
	"fmt"
	"time"

	"flakeops/tests/lab/host"
)

// The bars: how long flakeops may take, in times of what the script takes.
const (
	unchangedBar = 0.6
	changedBar   = 1.0
)

// pairs compares flakeops with the script, with one host and with all.
func (b *bench) pairs(ctx context.Context, r *report) error {
	fleets := [][]*host.Host{b.hosts[:1]}
	if b.Hosts > 1 {
		fleets = append(fleets, b.hosts)
	}
	for _, hosts := range fleets {
		changed, unchanged, err := b.compare(ctx, hosts)
		if err != nil {
			return err
		}
		unchanged.what, unchanged.bar = fmt.Sprintf("%s, unchanged", count(hosts)), unchangedBar
		changed.what, changed.bar = fmt.Sprintf("%s, changed", count(hosts)), changedBar
		r.pairs = append(r.pairs, unchanged, changed)
	}
	return nil
}

// compare makes b.Rounds pairs of each kind. Who comes first alternates.
func (b *bench) compare(ctx context.Context, hosts []*host.Host) (changed, unchanged pairs, err error) {
	for round := range b.Rounds {
		fmt.Fprintf(b.progress, "%s: round %d of %d\n", count(hosts), round+1, b.Rounds)
		order := []int{round % 2, 1 - round%2}
		var first, again [2]time.Duration
		for _, i := range order {
			if err := b.change(); err != nil {
				return changed, unchanged, err
			}
			if first[i], err = b.time(ctx, b.contenders()[i], hosts); err != nil {
				return changed, unchanged, err
			}
		}
		for _, i := range order {
			if again[i], err = b.time(ctx, b.contenders()[i], hosts); err != nil {
				return changed, unchanged, err
			}
		}
		changed.add(first)
		unchanged.add(again)
	}
	return changed, unchanged, nil
}

func count(hosts []*host.Host) string {
	if len(hosts) == 1 {
		return "1 host"
	}
	return fmt.Sprintf("%d hosts", len(hosts))
}

// pairs are runs of two contenders, each with the other's of the same round.
type pairs struct {
	what          string
	bar           float64 // 0: none
	first, second []time.Duration
	ratios        []float64
}

func (p *pairs) add(took [2]time.Duration) {
	p.first, p.second = append(p.first, took[0]), append(p.second, took[1])
	p.ratios = append(p.ratios, took[0].Seconds()/took[1].Seconds())
}

func (p *pairs) kept() bool { return p.bar == 0 || median(p.ratios) <= p.bar }
