package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"flakeops/activate/wire"
	"flakeops/internal/onhost"
	"flakeops/internal/run"
)

// start hands a deployment to systemd and follows it. From then on the host
// needs nobody.
func (a *agent) start(ctx context.Context, stdin io.Reader) error {
	var req wire.Request
	if err := wire.ReadDocument(stdin, &req); err != nil {
		return a.refuse(err)
	}
	if err := req.Validate(); err != nil {
		return a.refuse(err)
	}
	if err := a.prepare(req); err != nil {
		return a.refuse(err)
	}
	ctx2, cancel := context.WithTimeout(ctx, slack)
	defer cancel()
	if _, err := a.runner.Run(ctx2, run.Command{Argv: unitArgv(req)}); err != nil && !a.isStarted(ctx, req.ID) {
		_ = os.RemoveAll(a.layout.deployment(req.ID))
		return a.refuse(fmt.Errorf("starting %s: %w", unit(req.ID), err))
	}
	return a.follow(ctx, req.ID, 1)
}

// prepare writes down what the unit will read.
func (a *agent) prepare(req wire.Request) error {
	if err := a.usable(req.System); err != nil {
		return err
	}
	if err := onhost.OwnedDir(a.layout.runDir(), 0o755); err != nil {
		return err
	}
	dir := a.layout.deployment(req.ID)
	if err := os.Mkdir(dir, 0o700); err != nil {
		if errors.Is(err, os.ErrExist) {
			return fmt.Errorf("deployment %s was started before", req.ID)
		}
		return err
	}
	return onhost.WriteJSON(a.layout.request(req.ID), req)
}

// isStarted says whether the unit was started although systemd-run says that it
// was not: the answer of a systemd that is busy, or starts anew, can get lost. The
// first thing the unit does is to open its event log.
func (a *agent) isStarted(ctx context.Context, id string) bool {
	_, err := os.Stat(a.layout.events(id))
	return err == nil || a.unitThere(ctx, id)
}

// usable refuses a path that is not a system before anything is touched.
func (a *agent) usable(system string) error {
	name := filepath.Join(system, "bin/switch-to-configuration")
	switch fi, err := os.Stat(name); {
	case errors.Is(err, os.ErrNotExist) && isSystem(system):
		return fmt.Errorf("%s has no bin/switch-to-configuration, without which nothing can activate it: does its configuration say system.switch.enable = false?", system)
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%s is not a NixOS system, or is not on this host: it has no bin/switch-to-configuration", system)
	case err != nil:
		return err
	case !fi.Mode().IsRegular() || fi.Mode()&0o111 == 0:
		return fmt.Errorf("%s cannot be executed", name)
	}
	return nil
}

// isSystem says whether a path is a NixOS system at all.
func isSystem(path string) bool {
	_, err := os.Stat(filepath.Join(path, "nixos-version"))
	return err == nil
}
