package main

import (
	"context"
	"fmt"
)

// dailyBar is what a question to all hosts may take, in times of one ssh to each, all at
// once; that the flake is read, too, is in it.
const dailyBar = 1.0

const sshScript = `shift 2 && printf '%s\n' "$@" | xargs -P 10 -I NODE ssh $NIX_SSHOPTS NODE true`

// daily compares the verbs that ask all hosts something with the least that asking takes.
func (b *bench) daily(ctx context.Context, r *report) error {
	args := append([]string{"sh", b.Flakeops, b.ref()}, names(b.hosts)...)
	for what, script := range map[string]string{
		"exec -- true":   `exec "$1" exec "$2" -- true`,
		"info --no-eval": `exec "$1" info --no-eval "$2"`,
	} {
		p := pairs{what: fmt.Sprintf("%s, %s / one ssh to each", what, count(b.hosts)), bar: dailyBar}
		for round := range 2 * b.Rounds {
			fmt.Fprintf(b.progress, "%s: round %d of %d\n", what, round+1, 2*b.Rounds)
			took, err := b.both(ctx, round, [2]string{script, sshScript}, args)
			if err != nil {
				return err
			}
			p.add(took)
		}
		r.pairs = append(r.pairs, p)
	}
	return nil
}
