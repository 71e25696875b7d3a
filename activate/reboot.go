package activate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"flakeops/internal/run"
	"flakeops/internal/systemd"
)

const (
	rebootAsk   = 30 * time.Second // for the host to take the order
	bootAttempt = 15 * time.Second // for one attempt to get in again
	settleFor   = 90 * time.Second // for the units of a fresh boot
)

// Reboot orders the host behind l to reboot. The order may take the connection
// with it, so a connection that broke is no error: AwaitBoot tells.
func Reboot(ctx context.Context, l Link) error {
	ctx, cancel := context.WithTimeout(ctx, rebootAsk)
	defer cancel()
	_, err := l.Root().Run(ctx, run.Command{Argv: []string{"systemctl", "reboot"}})
	var failed *run.Error
	var never *run.NotStartedError
	if errors.As(err, &failed) && failed.Code > 0 && failed.Err == nil || errors.As(err, &never) {
		return fmt.Errorf("the host does not reboot: %w", err)
	}
	return ctx.Err()
}

// AwaitBoot dials until the host answers with another boot ID than previous,
// and returns that connection and what the host tells of itself. It gives up
// with ctx.
func AwaitBoot(ctx context.Context, h Host, previous string) (Link, Facts, error) {
	last := errors.New("it still runs")
	for {
		l, f, err := h.tryBoot(ctx)
		switch {
		case err == nil && f.BootID != previous:
			return l, f, nil
		case err == nil:
			_ = l.Close()
		default:
			last = err
		}
		pause(ctx, retryEvery)
		if ctx.Err() != nil {
			return nil, Facts{}, fmt.Errorf("the host is not back: %w; last attempt: %w", context.Cause(ctx), last)
		}
	}
}

func (h Host) tryBoot(ctx context.Context) (Link, Facts, error) {
	ctx, cancel := context.WithTimeout(ctx, bootAttempt)
	defer cancel()
	l, err := h.Dial(ctx)
	if err != nil {
		return nil, Facts{}, err
	}
	f, err := ReadFacts(ctx, l.Root())
	if err != nil {
		_ = l.Close()
	}
	return l, f, err
}

// FailedUnits waits until the host has finished booting, or for settleFor, and
// lists the units that have failed by then.
func FailedUnits(ctx context.Context, r run.Runner) ([]string, error) {
	wait, cancel := context.WithTimeout(ctx, settleFor)
	defer cancel()
	// It exits non-zero for every state but "running"; what counts is the list.
	_, _ = r.Run(wait, run.Command{Argv: []string{"systemctl", "is-system-running", "--wait"}})
	ctx, cancel = context.WithTimeout(ctx, rebootAsk)
	defer cancel()
	units, err := systemd.List(ctx, r, "failed")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, u := range units {
		names = append(names, u.Name)
	}
	return names, nil
}
