package main

import (
	"context"
	"fmt"
	"time"
)

// planBar is what plan may take, in times of an evaluation and one round trip
// to each host.
const planBar = 1.3

// Both are told what they need in their arguments: the program, the flake, the
// nodes. Plan ends with 10 when there is something to do.
const (
	planScript  = `program=$1 flake=$2; shift 2; for node; do set -- "$@" --on "$node"; shift; done; "$program" plan "$flake" "$@"; [ $? = 10 ]`
	partsScript = `"$1" list "$2" && shift 2 && printf '%s\n' "$@" | xargs -P 10 -I NODE ssh $NIX_SSHOPTS NODE true`
)

// plan compares plan, of systems that are not built, with what it cannot do
// without: the evaluation, and one ssh to each host, all at once.
func (b *bench) plan(ctx context.Context, r *report) error {
	p := pairs{what: fmt.Sprintf("plan, %s / list and one ssh to each", count(b.hosts)), bar: planBar}
	args := append([]string{"sh", b.Flakeops, b.ref()}, names(b.hosts)...)
	for round := range b.Rounds {
		fmt.Fprintf(b.progress, "plan: round %d of %d\n", round+1, b.Rounds)
		if err := b.change(); err != nil {
			return err
		}
		took, err := b.both(ctx, round, [2]string{planScript, partsScript}, args)
		if err != nil {
			return err
		}
		p.add(took)
	}
	r.pairs = append(r.pairs, p)
	return nil
}

// both runs two scripts, each first in every other round, and gives their times.
func (b *bench) both(ctx context.Context, round int, scripts [2]string, args []string) (took [2]time.Duration, err error) {
	for _, i := range []int{round % 2, 1 - round%2} {
		done, err := b.run(ctx, append([]string{"sh", "-c", scripts[i]}, args...))
		if err != nil {
			return took, err
		}
		took[i] = done.took
	}
	return took, nil
}
