package chaos

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// report is all that helps to find what broke a promise.
func (r *round) report() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", r.plan)
	for _, p := range r.broken {
		fmt.Fprintf(&b, "BROKEN: %s\n", p)
	}
	fmt.Fprintf(&b, "again: go test ./tests/chaos -run TestRandom -rounds 1 -seed %d -v\n", r.plan.seed)
	fmt.Fprintf(&b, "\nwhat happened:\n%s\n", strings.Join(r.marks, "\n"))
	for _, one := range r.runs {
		if one.process == nil {
			continue
		}
		fmt.Fprintf(&b, "\nflakeops %s: exit code %d after %s\n%s\n%s", strings.Join(one.args, " "), one.code, one.took, one.process.Stdout.String(), one.process.Stderr.String())
	}
	b.WriteString(r.extra)
	return b.String()
}

// hostsTell is what the hosts have to say, before the next round resets them.
func (r *round) hostsTell(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var b strings.Builder
	for i, h := range r.hosts {
		if i < len(r.before) {
			fmt.Fprintf(&b, "\n%s, before:\n%s\n", names()[i], r.before[i])
		}
		if now, err := look(ctx, h); err == nil {
			fmt.Fprintf(&b, "%s, now:\n%s\n", names()[i], now)
		}
		out, err := h.Shell(ctx, `
			cat /var/lib/flakeops/deployments.jsonl
			for d in /run/flakeops/*/; do echo "$d:"; cat "$d/state.json"; echo; cat "$d/events.jsonl"; done
			systemctl list-units --all --plain --no-legend 'flakeops-*'
			journalctl --no-pager -o short-precise -n 150 -u 'flakeops-*' -t systemd -t sudo -t sshd -t flakeops`)
		fmt.Fprintf(&b, "%s\n", out)
		if err != nil {
			fmt.Fprintf(&b, "%v\n", err)
		}
	}
	return b.String()
}
