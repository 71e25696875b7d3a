package cli

import (
	"context"
	"os"
	"path"
	"slices"

	"flakeops/flake"
	"flakeops/internal/archive"
	"flakeops/internal/cli/document"
	"flakeops/internal/cli/usage"
	"flakeops/internal/fleet"
	"flakeops/internal/ui"
)

type scpCmd struct {
	selection `embed:""`
	nixFlags  `embed:""`
	events    `embed:""`

	To              bool `xor:"way" help:"Copy to the hosts: FILE... PLACE, into PLACE where that is a directory there, or else as PLACE."`
	From            bool `xor:"way" help:"Copy from the hosts: /FILE... DIRECTORY, into a directory of each node's name in it."`
	Parallel        int  `short:"p" default:"10" placeholder:"N" help:"Hosts to copy to or from at once (default 10)."`
	Sudo            bool `help:"Read and write there as root, by the node's privilegeEscalationCommand."`
	SkipUnreachable bool `help:"Leave out hosts that cannot be reached, and do not count that as a failure."`

	files archive.Files
}

// Help is the verb's detailed help.
func (scpCmd) Help() string {
	return `Copies files and directories to the selected hosts, or from them, as tar does, over its own connections: flakeops scp --on @web --to -- nginx.conf /tmp/, flakeops scp --from -- /var/log/nginx logs. What to copy, and where to, follows --; no shell on the host reads it. A host that fails keeps no other waiting.`
}

// Run copies.
func (c scpCmd) Run(ctx context.Context, s *session) error {
	last := len(s.command) - 1
	switch {
	case c.To == c.From:
		return usage.Errorf("scp goes --to the hosts or --from them: say which")
	case last < 1:
		return usage.Errorf("scp takes what to copy, and where to")
	}
	c.files = archive.Files{Sources: s.command[:last], Place: s.command[last]}
	for _, file := range c.files.Sources {
		if _, err := os.Stat(file); c.To && err != nil {
			return usage.Errorf("%v", err)
		}
		if c.From && (!path.IsAbs(file) || path.Clean(file) == "/") {
			return usage.Errorf("%s: what is copied from hosts has a whole name, as /var/log/nginx", file)
		}
	}
	if slices.Contains(s.command, "") {
		return usage.Errorf("an empty name is none of a file")
	}
	return s.take(ctx, c)
}

func (c scpCmd) flags() fleetFlags {
	return fleetFlags{c.selection, pace{c.Parallel, true}, reach{SkipUnreachable: c.SkipUnreachable}, c.nixFlags, c.events, partition{}}
}

func (scpCmd) options() fleet.Options { return fleet.Options{Want: flake.SettingsOnly} }

func (c scpCmd) steps(ctx context.Context, r *fleet.Run, _ confirmer) {
	r.Each(ctx, r.Parallel, func(ctx context.Context, n *fleet.Node) (fleet.Result, error) {
		copied, err := n.Copy(ctx, c.files, c.From, c.Sudo)
		return fleet.Result{Outcome: fleet.Copied, Note: document.CopiedNote(copied)}, err
	})
}

func (scpCmd) report(r *fleet.Run, u *ui.UI, code int) error {
	return document.WriteTaken(u, r, code)
}
