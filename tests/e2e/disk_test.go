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

// What the agent keeps of a deployment is in /run. Where there is no room left, a
// host still goes back, and its operator still hears of it.
func TestFullRunDoesNotKeepAHostFromGoingBack(t *testing.T) {
	for name, then := range map[string]string{
		"killed":        "systemctl kill --kill-who=main --signal=KILL 'flakeops-*[0-9A-Z].service'",
		"not confirmed": "touch /run/fleet/go",
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t, map[string]string{"web": "bookworm"})
			web := f.hosts["web"]
			f.deploy().exits(0)
			before := web.snapshot()
			web.sh("mount -t tmpfs -o size=128k,mode=755 flakeops /run/flakeops")
			f.version("web", "2", "gate")
			p := f.start("deploy", "path:"+f.dir)
			web.reachesGate()
			// The log of events ends within a line, and with its page.
			web.sh(`cd /run/flakeops/*/
				head -c $((4096 - $(stat -c %s events.jsonl) % 4096)) /dev/zero | tr '\0' x >>events.jsonl
				dd if=/dev/zero of=../filler bs=4096 2>/dev/null || :
				! echo >>events.jsonl 2>/dev/null`)
			web.sh(then)
			p.wait().exits(5).says("rolled back")
			web.settled()
			web.is(before)

			web.sh("rm /run/flakeops/filler")
			f.version("web", "3")
			f.deploy().exits(0)
			web.runs(f.system("web"))
		})
	}
}
