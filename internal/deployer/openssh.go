package deployer

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"

	"flakeops/flake"
	"flakeops/internal/fault"
	"flakeops/internal/fleet"
	"flakeops/internal/limit"
	"flakeops/internal/remote/resolve"
	"flakeops/internal/remote/sshargs"
	"flakeops/internal/settings"
)

// OpenSSH is the command line by which the operator's own ssh goes to the one node that
// is selected. anyAddress never minds where other outputs say that hosts are.
func (f *Fleet) OpenSSH(ctx context.Context, anyAddress bool) ([]string, error) {
	if len(f.Names)+len(f.Unclear) != 1 {
		return nil, fmt.Errorf("ssh goes to one node, and these are %d: %s", len(f.Names), strings.Join(f.Names, ", "))
	}
	ctx, cancel := limit.Within(ctx, fleet.EvaluateDeadline, "evaluation")
	defer cancel()
	var found flake.Evaluation
	take := func(e flake.Evaluation) { found = e }
	for _, e := range f.Unclear {
		take(e)
	}
	err := f.Flake.Evaluate(ctx, f.Names, flake.SettingsOnly, take)
	switch {
	case err != nil:
		return nil, fault.During(fault.Evaluation, limit.Because(ctx, err))
	case found.Err != nil:
		return nil, fault.During(fault.Evaluation, found.Err)
	case found.Settings.TargetHost == nil:
		return nil, fleet.ErrNoTarget
	case !found.Settings.Addressed && !anyAddress:
		unsaid, err := f.Unsaid(ctx, []string{found.Name})
		if err != nil || unsaid[found.Name] != nil {
			return nil, cmp.Or(err, unsaid[found.Name])
		}
	}
	return openSSH(found.Name, found.Settings, os.Getenv("NIX_SSHOPTS"))
}

// openSSH is ssh with the node's settings, and the options of every connection.
func openSSH(node string, s settings.Settings, options string) ([]string, error) {
	before, err := sshargs.Split(options)
	if err != nil {
		return nil, fmt.Errorf("NIX_SSHOPTS: %w", err)
	}
	t := target(node, s)
	if err := t.Validate(); err != nil {
		return nil, err
	}
	to := resolve.Destination{Host: t.Host, Port: t.Port, User: t.User, Before: before, Options: t.Options}
	return append([]string{"ssh"}, to.Args()...), nil
}
