package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// rollbackBar is what the magic rollback may add to one host's activation.
const rollbackBar = 150 * time.Millisecond

// rollback compares activations of one host with and without magic rollback.
func (b *bench) rollback(ctx context.Context, r *report) error {
	flags := [2]string{"--magic-rollback", "--no-magic-rollback"}
	var took [2][]time.Duration
	for round := range 2 * b.Rounds {
		fmt.Fprintf(b.progress, "magic rollback: round %d of %d\n", round+1, 2*b.Rounds)
		for _, i := range []int{round % 2, 1 - round%2} {
			d, err := b.activation(ctx, flags[i])
			if err != nil {
				return err
			}
			took[i] = append(took[i], d)
		}
	}
	cost := median(took[0]) - median(took[1])
	r.add(figure{
		what:  fmt.Sprintf("magic rollback, in an activation of %s without it", seconds(median(took[1]))),
		value: fmt.Sprintf("%+.3f s", cost.Seconds()),
		bar:   fmt.Sprintf("<= %.2f s", rollbackBar.Seconds()),
		kept:  cost <= rollbackBar,
	})
	return nil
}

// activation deploys a change to the first host and returns how long its
// activation took, from the start of the agent to its last event.
func (b *bench) activation(ctx context.Context, flag string) (time.Duration, error) {
	if err := b.change(); err != nil {
		return 0, err
	}
	done, err := b.run(ctx, b.deploy(b.hosts[:1], flag, "--json"))
	if err != nil {
		return 0, err
	}
	var answer struct {
		Nodes []struct {
			Outcome string  `json:"outcome"`
			Seconds float64 `json:"seconds"`
		} `json:"nodes"`
	}
	if err := json.Unmarshal(done.stdout, &answer); err != nil {
		return 0, fmt.Errorf("reading the answer of deploy: %w", err)
	}
	if len(answer.Nodes) != 1 || answer.Nodes[0].Outcome != "deployed" || answer.Nodes[0].Seconds <= 0 {
		return 0, errors.New("deploy answered without the seconds of one activation")
	}
	return time.Duration(answer.Nodes[0].Seconds * float64(time.Second)), b.check(ctx, b.hosts[:1])
}
