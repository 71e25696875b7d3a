package e2e

import "testing"

// A soft reboot keeps /run, and with it the running system, but no unit.
func TestSoftRebootInTheMiddleRollsBack(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "trixie"})
	web := f.hosts["web"]
	f.deploy().exits(0)
	web.settled()
	before := web.snapshot()
	id := f.leftAlone(web, "2")
	boot := web.sh("systemctl show -P UserspaceTimestampMonotonic")
	web.sh("systemctl soft-reboot --no-block")
	eventually(t, "it is back", func() bool {
		return web.holds("[ \"$(systemctl show -P UserspaceTimestampMonotonic)\" != " + boot + " ] && systemctl is-system-running | grep -v -e starting -e stopping")
	})
	web.goesBack(id)
	web.is(before)
}
