package install

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"flakeops/internal/run"
	"flakeops/keys/message"
)

const (
	restartTimeout = 5 * time.Minute
	startTimeout   = 30 * time.Second
	// noUnit is systemctl's exit status for a unit that is not loaded.
	noUnit = 5
)

// follow restarts the units of the keys that changed, and has keys.target started
// where there is one.
func (i *installer) follow(ctx context.Context, m message.Message, reply *message.Reply) error {
	if len(m.Keys) == 0 {
		return removeState(i.owedFile())
	}
	errRestart := i.restart(ctx, m, reply)
	errTarget := i.systemctl(ctx, startTimeout, "start", "--no-block", "keys.target")
	var exit *run.Error
	switch {
	case errors.As(errTarget, &exit) && exit.Code == noUnit:
		errTarget = nil
	case errTarget != nil:
		errTarget = fmt.Errorf("the keys are installed; starting keys.target: %w", errTarget)
	}
	return errors.Join(errRestart, errTarget)
}

// restart restarts what is owed. It stays owed when that fails.
func (i *installer) restart(ctx context.Context, m message.Message, reply *message.Reply) error {
	owed, err := i.readOwed()
	if err != nil {
		return err
	}
	if units := owed.units(m); len(units) > 0 {
		if err := i.before("restart", i.owedFile(), nil); err != nil {
			return err
		}
		reply.Restarted = units
		if err := i.systemctl(ctx, restartTimeout, append([]string{"restart", "--"}, units...)...); err != nil {
			return fmt.Errorf("the keys are installed; restarting %s: %w", strings.Join(units, ", "), err)
		}
	}
	return removeState(i.owedFile())
}

func (i *installer) systemctl(ctx context.Context, most time.Duration, args ...string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, most, fmt.Errorf("not done after %v: see systemctl list-jobs on the host", most))
	defer cancel()
	_, err := i.runner.Run(ctx, run.Command{Argv: append([]string{"systemctl"}, args...)})
	return err
}
