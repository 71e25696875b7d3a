// Package limit gives steps a time to end in, and tells of a step that took longer
// from one that failed or was interrupted.
package limit

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Within bounds a step. The context's cause says which step took too long.
func Within(ctx context.Context, d time.Duration, step string) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, d, fmt.Errorf("%s took longer than %s", step, d))
}

// Because says why a step ended when its context did: an interruption stands for
// itself, and a step that took too long keeps what it was about.
func Because(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	cause := context.Cause(ctx)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return cause
}
