package cli

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// How long each step may take. These are last resorts: nix, ssh and the agent
// have shorter limits of their own for a peer that does not answer. An
// activation's limits are the node's settings.
const (
	openDeadline     = 15 * time.Minute // fetching a flake and its inputs
	evaluateDeadline = 2 * time.Hour    // all nodes
	buildDeadline    = 24 * time.Hour   // all nodes, or one node on its host
	dialDeadline     = 5 * time.Minute  // a host with its alternates; a person may have to answer
	factsDeadline    = time.Minute      // one round trip
	pushDeadline     = 12 * time.Hour   // one host
	pushSilence      = 10 * time.Minute // for which a host's store may owe nix an answer
	fetchSilence     = 2 * time.Hour    // the same where it may fetch paths first, which it does in silence
	storeDeadline    = 5 * time.Minute  // one small thing asked of the local store
	keysDeadline     = time.Hour        // one node's sources, which may ask a person; one host's message
	unitsDeadline    = 3 * time.Minute  // a host's units after a boot
	surveyDeadline   = 5 * time.Minute  // what one host, or the local store, says of two systems
	askDeadline      = 12 * time.Hour   // a person who is to say yes or no
	dryDeadline      = 10 * time.Minute // one dry activation
)

// within bounds a step. The context's cause says which step took too long.
func within(ctx context.Context, d time.Duration, step string) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, d, fmt.Errorf("%s took longer than %s", step, d))
}

// because says why a step ended when its context did: an interruption stands for
// itself, and a step that took too long keeps what it was about.
func because(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	cause := context.Cause(ctx)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return cause
}
