package e2e

import (
	"testing"

	"flakeops/activate/wire"
)

// The three ways in which a configuration can cut its operator off.

func TestDroppedPacketsRollBack(t *testing.T) { lockedOut(t, "drop-packets") }

func TestStoppedSSHDRollsBackThoughTheOldConnectionLives(t *testing.T) { lockedOut(t, "stop-sshd") }

func TestDroppedNewConnectionsRollBackThoughTheOldOneLives(t *testing.T) { lockedOut(t, "drop-new") }

func lockedOut(t *testing.T, fault string) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	f.deploy().exits(0)
	before := web.snapshot()

	f.version("web", "2", fault)
	f.deploy().exits(5).says("web", "rolled back", "not confirmed within confirmTimeout")
	web.is(before)
	if got := web.lastOutcome(); got != wire.RolledBack {
		t.Errorf("outcome on record: %q", got)
	}
	// And the operator can get in again.
	f.version("web", "3")
	f.deploy().exits(0)
	web.runs(f.system("web"))
}

// What the old system checks before it is switched to may be what the new one
// broke. The host goes back all the same.
func TestRollbackIsNotRefusedByTheOldSystemsChecks(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	f.version("web", "1", "precheck-guarded")
	f.deploy().exits(0)
	before := web.snapshot()
	web.sh("touch /run/fleet/refuse && ! " + f.system("web") + "/bin/switch-to-configuration test")

	f.version("web", "2", "drop-packets")
	f.deploy().exits(5).says("rolled back", "not confirmed")
	web.is(before)
	f.version("web", "3", "bootloader-fails")
	f.deploy().exits(5).says("rolled back", "boot default")
	before.Generations = append(before.Generations, "system-3-link") // none is deleted
	web.is(before)
}

func TestKilledConnectionsAreConfirmed(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	f.deploy().exits(0)
	system := f.version("web", "2", "kill-connections")
	f.deploy().exits(0).says("deployed")
	f.hosts["web"].runs(system)
}
