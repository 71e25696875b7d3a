package activate

import (
	"context"
	"errors"
	"fmt"
	"path"

	"flakeops/activate/wire"
	"flakeops/internal/run"
)

// DryActivate asks a system that is on the host what activating it would do,
// and hands on the answer line by line. It changes nothing there.
func DryActivate(ctx context.Context, r run.Runner, system string, line func(string)) error {
	if !wire.ValidStorePath(system) {
		return fmt.Errorf("%q is not a store path", system)
	}
	out := &wire.LineWriter{Line: line}
	defer out.Flush()
	_, err := r.Run(ctx, run.Command{
		Argv:   []string{path.Join(system, "bin/switch-to-configuration"), string(wire.DryActivate)},
		Stdout: out,
		Stderr: out,
	})
	var failed *run.Error
	if errors.As(err, &failed) && failed.Err == nil {
		return fmt.Errorf("switch-to-configuration dry-activate: exit status %d", failed.Code)
	}
	return err
}
