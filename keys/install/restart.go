package install

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"flakeops/internal/run"
)

const (
	restartTimeout = 5 * time.Minute
	startTimeout   = 30 * time.Second
	// noUnit is systemctl's exit status for a unit that is not loaded.
	noUnit = 5
)

// restart restarts units, and has keys.target started where there is one. It
// returns the units whose restart was asked for.
func (i *installer) restart(ctx context.Context, units []string, target bool) ([]string, error) {
	var failed []error
	if len(units) > 0 {
		err := i.systemctl(ctx, restartTimeout, append([]string{"restart", "--"}, units...)...)
		if err != nil {
			failed = append(failed, fmt.Errorf("the keys are installed; restarting %s: %w", strings.Join(units, ", "), err))
		}
	}
	if target {
		err := i.systemctl(ctx, startTimeout, "start", "--no-block", "keys.target")
		var exit *run.Error
		if err != nil && (!errors.As(err, &exit) || exit.Code != noUnit) {
			failed = append(failed, fmt.Errorf("the keys are installed; starting keys.target: %w", err))
		}
	}
	return units, errors.Join(failed...)
}

func (i *installer) systemctl(ctx context.Context, most time.Duration, args ...string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, most, fmt.Errorf("not done after %v: see systemctl list-jobs on the host", most))
	defer cancel()
	_, err := i.runner.Run(ctx, run.Command{Argv: append([]string{"systemctl"}, args...)})
	return err
}
