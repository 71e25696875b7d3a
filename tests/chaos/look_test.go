package chaos

import (
	"context"
	"fmt"
	"strings"

	"flakeops/activate/wire"
	"flakeops/tests/trial"
)

// seen is a host at one time.
type seen struct {
	trial.Snapshot
	records []wire.Record
	bad     error // lines of the record that are none
	boot    string
	left    []string // files that are nothing but left
	keys    string   // what the key holds; "-" without one
}

// look looks at a host.
func look(ctx context.Context, h *resident) (seen, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s, err := trial.Look(ctx, h.Host)
	if err != nil {
		return seen{}, err
	}
	now := seen{Snapshot: s}
	now.records, now.bad = trial.Records(ctx, h.Host)
	if now.boot, err = h.BootID(ctx); err != nil {
		return seen{}, err
	}
	out, err := h.Shell(ctx, `
		find /run/flakeops -type s 2>/dev/null
		find /run/flakeops /var/lib/flakeops /run/keys /nix/var/nix/gcroots/flakeops /nix/var/nix/profiles -name '.*' 2>/dev/null
		find /run/flakeops -mindepth 1 -maxdepth 1 ! -name '*lock' ! -name left ! -name 'keys.*' ! -name '01*' 2>/dev/null
		find /var/lib/flakeops -mindepth 1 -maxdepth 1 ! -name deployments.jsonl ! -name keys.json 2>/dev/null
		[ ! -s /run/flakeops/lock ] || echo "/run/flakeops/lock: $(cat /run/flakeops/lock)"
		find /tmp /var/tmp /run -maxdepth 1 -name '*flakeops*' ! -path /run/flakeops
		ls -d /run/systemd/transient/flakeops-* 2>/dev/null
		:`)
	if err != nil {
		return seen{}, err
	}
	now.left = strings.Split(strings.TrimSpace(out), "\n")
	if out == "" {
		now.left = nil
	}
	now.keys, err = h.Shell(ctx, `cat /run/keys/token 2>/dev/null || printf -- -`)
	return now, err
}

func (s seen) String() string {
	return fmt.Sprintf("running %s\nprofile %s (%s)\nboot    %s\ngenerations %v\nroots %v\nleft %v\nboot ID %s", s.Running, s.Profile, s.Current, s.Boot, s.Generations, s.Roots, s.left, s.boot)
}
