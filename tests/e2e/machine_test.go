package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"flakeops/activate/wire"
	"flakeops/tests/lab/host"
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

// snapshot is everything that a deployment may change and a rollback restores.
type snapshot struct {
	Running, Profile, Boot string   // systems
	Current                string   // generation link of the profile
	Generations            []string // all of them
	Roots                  []string // of flakeops
	Version                string   // that the service of the running system wrote
}

func (m *machine) snapshot() snapshot {
	m.t.Helper()
	out := m.sh(`
		readlink -f /run/current-system
		readlink -f /nix/var/nix/profiles/system
		readlink -f /boot/default-system
		readlink /nix/var/nix/profiles/system
		ls /nix/var/nix/profiles | grep '^system-.*-link$' | sort | tr '\n' ' '; echo
		ls /nix/var/nix/gcroots/flakeops 2>/dev/null | tr '\n' ' '; echo
		cat /run/fleet/version 2>/dev/null || echo`)
	lines := strings.Split(out, "\n")
	for len(lines) < 7 {
		lines = append(lines, "")
	}
	return snapshot{
		Running: lines[0], Profile: lines[1], Boot: lines[2], Current: lines[3],
		Generations: strings.Fields(lines[4]), Roots: strings.Fields(lines[5]), Version: lines[6],
	}
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
	out := m.sh("cat /var/lib/flakeops/deployments.jsonl 2>/dev/null || :")
	var all []wire.Record
	for s := bufio.NewScanner(strings.NewReader(out)); s.Scan(); {
		var r wire.Record
		if err := json.Unmarshal(s.Bytes(), &r); err != nil {
			m.t.Errorf("%s: record %q: %v", m.Name, s.Text(), err)
		}
		all = append(all, r)
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
		return m.holds(`[ -z "$(systemctl list-units --all --plain --no-legend 'flakeops-*')" ]`)
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
