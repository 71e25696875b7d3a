package e2e

import (
	"testing"

	"flakeops/activate/wire"
	"flakeops/tests/flakes"
)

func TestFullDiskDuringPushLeavesTheHostAsItWas(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm 96M"})
	web := f.hosts["web"]
	f.deploy().exits(0)
	before := web.snapshot()
	f.set("web", func(n *flakes.Node) { n.Version, n.Payload, n.Paths = "2", 200<<20, 4 })
	f.deploy().exits(4).says("web", "push failed", "No space left on device")
	web.is(before)
	// What was copied in vain is garbage, so the next deploy has room again.
	web.sh("nix-collect-garbage")
	f.set("web", func(n *flakes.Node) { n.Version, n.Payload, n.Paths = "3", 0, 0 })
	f.deploy().exits(0)
	web.runs(f.system("web"))
}

func TestFullDiskDuringCommitRollsBack(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm 96M"})
	web := f.hosts["web"]
	f.deploy().exits(0)
	before := web.snapshot()
	f.version("web", "2", "gate")
	p := f.start("deploy", "path:"+f.dir)
	web.reachesGate()
	// Writing fails from here on: that dd does is what is wanted of it.
	web.sh("mkdir /var/filler; for size in 64k 4k 1; do dd if=/dev/zero of=/var/filler/$size bs=$size 2>/dev/null; done; touch /run/fleet/go")
	r := p.wait()
	web.sh("rm -rf /var/filler")
	r.exits(5).says("rolled back", "setting the profile")
	web.settled()
	web.is(before)
	f.version("web", "3")
	f.deploy().exits(0)
	web.runs(f.system("web"))
	if got := web.lastOutcome(); got != wire.Deployed {
		t.Errorf("outcome on record: %q", got)
	}
}
