package e2e

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"flakeops/activate/wire"
	"flakeops/tests/lab/host"
	"flakeops/tests/trial"
)

// machine is a host, seen from inside.
type machine struct {
	t *testing.T
	*host.Host
}

// sh runs a script on the host, past the network.
func (m *machine) sh(script string) string {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), patience)
	defer cancel()
	out, err := m.Shell(ctx, script)
	if err != nil {
		m.t.Fatalf("%s: %s: %v", m.Name, script, err)
	}
	return strings.TrimSpace(out)
}

// holds says whether a script exits with 0.
func (m *machine) holds(script string) bool {
	ctx, cancel := context.WithTimeout(m.t.Context(), patience)
	defer cancel()
	_, err := m.Shell(ctx, script)
	return err == nil
}

type snapshot = trial.Snapshot

func (m *machine) snapshot() snapshot {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), patience)
	defer cancel()
	s, err := trial.Look(ctx, m.Host)
	if err != nil {
		m.t.Fatalf("%s: %v", m.Name, err)
	}
	return s
}

// is asserts that the host is exactly as it was.
func (m *machine) is(want snapshot) {
	m.t.Helper()
	if got := m.snapshot(); !reflect.DeepEqual(got, want) {
		m.t.Errorf("%s is\n%+v, want\n%+v\nrecords: %+v", m.Name, got, want, m.records())
	}
}

// runs asserts that system is what runs, what the profile holds, and what boots.
func (m *machine) runs(system string) {
	m.t.Helper()
	got := m.snapshot()
	if got.Running != system || got.Profile != system || got.Boot != system {
		m.t.Errorf("%s: running %s\nprofile %s\nboot default %s\nwant %s for all", m.Name, got.Running, got.Profile, got.Boot, system)
	}
	if len(got.Roots) > 0 {
		m.t.Errorf("%s: roots left behind: %v", m.Name, got.Roots)
	}
}

// records are the lines of the host's deployments file.
func (m *machine) records() []wire.Record {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), patience)
	defer cancel()
	all, err := trial.Records(ctx, m.Host)
	if err != nil {
		m.t.Errorf("%s: %v", m.Name, err)
	}
	return all
}

// lastOutcome is the outcome on the host's newest record.
func (m *machine) lastOutcome() wire.Outcome {
	m.t.Helper()
	r := m.records()
	if len(r) == 0 {
		return ""
	}
	return r[len(r)-1].Outcome
}

// settled waits until no deployment is under way on the host.
func (m *machine) settled() {
	m.t.Helper()
	eventually(m.t, m.Name+" is settled", func() bool {
		return m.holds(trial.Settled)
	})
}

// gate opens the fault of that name: it waits until the activation has come
// there, and lets it go on.
func (m *machine) openGate() {
	m.t.Helper()
	m.reachesGate()
	m.sh("touch /run/fleet/go")
}

func (m *machine) reachesGate() {
	m.t.Helper()
	eventually(m.t, m.Name+" reaches the gate", func() bool { return m.holds("[ -e /run/fleet/reached ]") })
}
