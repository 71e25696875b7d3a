package e2e

import (
	"fmt"
	"testing"

	"flakeops/activate/wire"
)

const switchLock = "/run/nixos/switch-to-configuration.lock"

// Any user of a host can lock a file that he can open. He keeps nobody from
// deploying, and no host from going back.
func TestUserWhoHoldsTheLockDefeatsNothing(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	dry := web.FactorySystem() + "/bin/switch-to-configuration dry-activate"

	// Before it begins: by a process that is gone, and left the lock to a child; by
	// one that waits with the file open; shared and not.
	for i, how := range []string{
		`exec 9<%[1]s; flock -s 9; touch /run/user-has-it; exec sleep infinity`,
		`exec 9<%[1]s; flock -x 9; touch /run/user-has-it; exec sleep infinity`,
		`exec 9<%[1]s; touch /run/user-has-it; until [ -e /run/fleet/reached ]; do sleep 0.01; done; flock -x 9; exec sleep infinity`,
	} {
		f.version("web", fmt.Sprint("before-", i), "gate")
		web.sh("rm -f " + switchLock + " /run/user-has-it; umask 022; " + dry + "; chmod 1777 /run")
		web.sh("systemd-run --quiet --collect --uid=ops --unit=hostile sh -c '" + fmt.Sprintf(how, switchLock) + "'")
		eventually(t, "the user has it", func() bool { return web.holds("[ -e /run/user-has-it ]") })
		p := f.start("deploy", "path:"+f.dir)
		web.openGate()
		p.wait().exits(0).says("deployed")
		web.runs(f.system("web"))
		web.sh("systemctl stop hostile; chmod 755 /run")
		web.settled()
	}
	before := web.snapshot()

	// In the middle of it, with the deployer gone.
	f.leftAlone(web, "during")
	if web.holds("sudo -u ops flock -s --nonblock " + switchLock + " true") {
		t.Error("a user can lock it")
	}
	// Root's own process is waited for, though, for longer than a few tries last.
	web.sh("systemd-run --quiet --collect --unit=honest flock -s " + switchLock + " sleep infinity; touch /run/fleet/go")
	eventually(t, "the host waits for the lock", func() bool {
		return web.holds(`grep -q 'waiting for the lock.*flock' "$(ls -dt /run/flakeops/*/ | head -n 1)events.jsonl"`)
	})
	if got := web.lastOutcome(); got != "" {
		t.Errorf("it has ended already: %q", got)
	}
	web.sh("systemctl stop honest; touch /run/fleet/go")
	eventually(t, "the host went back", func() bool {
		web.sh("touch /run/fleet/go")
		return web.lastOutcome() == wire.RolledBack
	})
	web.settled()
	web.is(before)
}

// Locked by root, shared even, is refused before anything has begun.
func TestLockThatRootSharesIsRefused(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	f.deploy().exits(0)
	before, records := web.snapshot(), len(web.records())
	web.sh("systemd-run --quiet --collect --unit=honest flock -s " + switchLock + " sleep infinity")
	eventually(t, "it is locked", func() bool { return !web.holds("flock --nonblock " + switchLock + " true") })
	f.version("web", "2")
	f.deploy().exits(8).says("web", "refused", "somebody runs switch-to-configuration on this host", "flock")
	web.settled()
	web.is(before)
	if n := len(web.records()); n != records {
		t.Errorf("%d records, want %d", n, records)
	}
	web.sh("systemctl stop honest")

	// And where it is taken only after that was looked at, nothing is done either.
	f.version("web", "3")
	must(t, writeIn(web, "/usr/local/bin/systemctl", "#!/bin/sh\n"+
		"[ \"$1\" != list-units ] || [ -e /run/late ] || { touch /run/late; systemd-run --quiet --collect --unit=late flock "+switchLock+" sleep infinity;\n"+
		"until ! flock --nonblock "+switchLock+" true; do :; done; }\nexec /usr/bin/systemctl \"$@\"\n"))
	web.sh("chmod 755 /usr/local/bin/systemctl")
	f.deploy().exits(8).says("web", "refused", "somebody runs switch-to-configuration on this host")
	web.sh("rm /usr/local/bin/systemctl; systemctl stop late")
	web.settled()
	web.is(before)
	f.deploy().exits(0)
	web.runs(f.system("web"))
}
