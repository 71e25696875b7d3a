package agent

import (
	"context"
	"slices"
	"strings"
	"time"
)

// failedUnits lists the units that have failed, and those of them that had not
// before.
func (m *machine) failedUnits(ctx context.Context) (all, fresh []string, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	all, err = m.fx.failedUnits(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, u := range all {
		if !slices.ContainsFunc(m.st.Old.Failed, func(old string) bool { return sameTrouble(old, u) }) {
			fresh = append(fresh, u)
		}
	}
	const enough = 50 // an event is one bounded line
	return all[:min(len(all), enough)], fresh[:min(len(fresh), enough)], nil
}

// sameTrouble says whether two units fail for one reason. The rules of tmpfiles
// are applied by one unit at boot, and by another when a system is activated.
func sameTrouble(a, b string) bool {
	const tmpfiles = "systemd-tmpfiles-"
	return a == b || strings.HasPrefix(a, tmpfiles) && strings.HasPrefix(b, tmpfiles)
}
