package trial

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"flakeops/activate/wire"
	"flakeops/tests/lab/host"
)

// Snapshot is everything that a deployment may change and a rollback restores.
type Snapshot struct {
	Running, Profile, Boot string   // systems
	Current                string   // generation link of the profile
	Generations            []string // all of them
	Roots                  []string // of flakeops
	Version                string   // that the service of the running system wrote
}

// Look takes a snapshot of a host.
func Look(ctx context.Context, h *host.Host) (Snapshot, error) {
	out, err := h.Shell(ctx, `
		readlink -f /run/current-system
		readlink -f /nix/var/nix/profiles/system
		readlink -f /boot/default-system
		readlink /nix/var/nix/profiles/system
		ls /nix/var/nix/profiles | grep '^system-.*-link$' | sort | tr '\n' ' '; echo
		ls /nix/var/nix/gcroots/flakeops 2>/dev/null | tr '\n' ' '; echo
		cat /run/fleet/version 2>/dev/null || echo`)
	if err != nil {
		return Snapshot{}, err
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for len(lines) < 7 {
		lines = append(lines, "")
	}
	return Snapshot{
		Running: lines[0], Profile: lines[1], Boot: lines[2], Current: lines[3],
		Generations: strings.Fields(lines[4]), Roots: strings.Fields(lines[5]), Version: lines[6],
	}, nil
}

// Records are the lines of the host's deployments file. The error names the lines
// that are no records; the others are returned all the same.
func Records(ctx context.Context, h *host.Host) ([]wire.Record, error) {
	out, err := h.Shell(ctx, "cat /var/lib/flakeops/deployments.jsonl 2>/dev/null || :")
	if err != nil {
		return nil, err
	}
	var all []wire.Record
	for s := bufio.NewScanner(strings.NewReader(strings.TrimSpace(out))); s.Scan(); {
		var r wire.Record
		if bad := json.Unmarshal(s.Bytes(), &r); bad != nil {
			err = fmt.Errorf("record %q: %w", s.Text(), bad)
		}
		all = append(all, r)
	}
	return all, err
}

// Settled is a script that succeeds while no deployment is under way on the host
// that runs it.
const Settled = `[ -z "$(systemctl list-units --all --plain --no-legend 'flakeops-*')" ]`
