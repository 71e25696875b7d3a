package activate

import (
	"context"
	"errors"
	"fmt"
	"path"

	"flakeops/activate/wire"
	"flakeops/internal/nixname"
	"flakeops/internal/run"
)

// maxBuildLog is how much of the log of a build on its host is handed on, in bytes.
const maxBuildLog = 16 << 20

// DryActivate asks a system that is on the host what activating it would do,
// and hands on the answer line by line. It changes nothing there. When it fails
// the lines tell why. A host where somebody activates something is a *RefusedError.
func DryActivate(ctx context.Context, r run.Runner, system string, line func(string)) error {
	if !nixname.IsStorePath(system) {
		return fmt.Errorf("%q is not a store path", system)
	}
	text := &limited{line: line, room: maxOutput}
	locked := false
	out := text.lines(func(l string) { locked = locked || wire.SaysLocked(l) })
	_, err := r.Run(ctx, run.Command{
		Argv:   []string{path.Join(system, "bin/switch-to-configuration"), string(wire.DryActivate)},
		Stdout: out,
		Stderr: out,
	})
	out.End()
	text.end()
	var failed *run.Error
	if errors.As(err, &failed) && failed.Err == nil {
		if locked {
			return &RefusedError{Reason: "another switch-to-configuration is running on the host", Next: "wait for it to end, then ask again"}
		}
		return fmt.Errorf("switch-to-configuration dry-activate: exit status %d", failed.Code)
	}
	return err
}

// Realise has the host build a derivation that it has; line gets the build's log.
func Realise(ctx context.Context, r run.Runner, drv string, line func(string)) error {
	text := &limited{line: line, room: maxBuildLog}
	log := text.lines(func(string) {})
	_, err := r.Run(ctx, run.Command{Argv: []string{"nix-store", "--realise", drv}, Stderr: log})
	log.End()
	text.end()
	return err
}
