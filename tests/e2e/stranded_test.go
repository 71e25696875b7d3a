package e2e

import (
	"strings"
	"syscall"
	"testing"

	"flakeops/activate/wire"
)

// Hosts that cannot go back: the old system is still what boots.

// cannotGoBack has going back fail until the host reboots.
func (m *machine) cannotGoBack(old string) {
	m.t.Helper()
	m.sh("mount --bind /bin/false " + old + "/bin/switch-to-configuration")
}

func (m *machine) isStranded() {
	m.t.Helper()
	eventually(m.t, m.Name+" is stranded", func() bool {
		return m.holds(`grep -q '"stage": *"stranded"' "$(ls -d /run/flakeops/*/ | tail -n 1)state.json"`)
	})
}

func (m *machine) bootID() string {
	m.t.Helper()
	id, err := m.BootID(m.t.Context())
	must(m.t, err)
	return id
}

func TestStrandedHostRebootsIntoTheOldSystem(t *testing.T) {
	web, before, p := gated(t, nil)
	web.cannotGoBack(before.Running)
	bootID := web.bootID()
	must(t, web.Cut(t.Context()))
	web.sh("touch /run/fleet/go")
	eventually(t, "the host has booted again", func() bool {
		now, err := web.BootID(t.Context())
		return err == nil && now != bootID && web.holds("[ -e /run/fleet/version ]")
	})
	must(t, web.Heal(t.Context()))
	p.wait().exits(5).says("rolled back", "not confirmed", "so the host reboots into "+before.Running)
	web.is(before)
	if got := web.lastOutcome(); got != wire.RolledBack {
		t.Errorf("outcome on record: %q", got)
	}
}

// Who gets in in time is told, and the host stays as it is: with a system that
// nobody confirmed. The same again has to prove itself like any other.
func TestStrandedHostStaysForWhoGetsIn(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	f.setting("web", "confirmTimeout", 15)
	f.deploy().exits(0)
	before, bootID := web.snapshot(), web.bootID()
	system := f.version("web", "2", "gate")
	p := f.start("deploy", "path:"+f.dir)
	web.reachesGate()
	web.cannotGoBack(before.Running)
	must(t, web.Cut(t.Context()))
	web.sh("touch /run/fleet/go")
	web.isStranded()
	must(t, web.Heal(t.Context()))
	p.wait().exits(6).says("rollback failed", "the host does not reboot, because somebody got in", "the system it had is "+before.Running)
	web.settled()
	if now := web.snapshot(); now.Running != system || now.Boot != before.Boot || now.Profile != before.Profile || web.bootID() != bootID {
		t.Errorf("%+v", now)
	}
	web.sh("umount " + before.Running + "/bin/switch-to-configuration")

	p = f.start("deploy", "path:"+f.dir)
	web.openGate()
	p.wait().exits(0).says("deployed")
	web.runs(system)
}

// Another deployment takes the place of one that is stranded.
func TestStrandedHostTakesAnotherDeployment(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "sid"})
	web := f.hosts["web"]
	f.setting("web", "confirmTimeout", 120)
	f.deploy().exits(0)
	before := web.snapshot()
	f.version("web", "2", "gate", "unit-fails")
	p := f.start("deploy", "path:"+f.dir)
	web.reachesGate()
	web.cannotGoBack(before.Running)
	p.signal(syscall.SIGKILL)
	p.wait().exits(-1)
	web.sh("touch /run/fleet/go")
	web.isStranded()
	system := f.version("web", "3")
	f.deploy().exits(0).says("deployed")
	web.runs(system)
	var ends []string
	for _, r := range web.records() {
		ends = append(ends, string(r.Outcome))
	}
	if !strings.HasSuffix(strings.Join(ends, ","), ",rollback failed,,deployed") {
		t.Errorf("outcomes on record: %q", ends)
	}
}
