package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"flakeops/activate/wire"
)

// The way back does not hang on one process: whichever is killed, and whenever,
// another takes it up, with nobody there who follows.

func TestRollbackOutlivesEveryProcessOfIt(t *testing.T) {
	for _, suite := range []string{"bookworm", "trixie", "sid"} {
		t.Run(suite, func(t *testing.T) {
			f := newFleet(t, map[string]string{"web": suite})
			web := f.hosts["web"]
			f.version("web", "1", "gate") // going back to it takes as long as wanted
			p := f.start("deploy", "path:"+f.dir)
			web.openGate()
			p.wait().exits(0)
			web.settled()
			before := web.snapshot()

			random := rand.New(rand.NewPCG(1, uint64(len(suite))))
			id := f.leftAlone(web, "2")
			for _, unit := range []string{id, id + "-guard"} {
				if got := web.sh("systemctl show -P OOMScoreAdjust flakeops-" + unit + ".service"); got != "-900" {
					t.Errorf("when memory runs out, %s stands at %q", unit, got)
				}
			}
			kills := 0
			eventually(t, "ten of its processes have been killed", func() bool {
				time.Sleep(time.Duration(random.IntN(600)) * time.Millisecond)
				if web.killsOne(id, random.IntN(100)) {
					kills++
				}
				return kills >= 10
			})
			web.goesBack(id)
			web.is(before)

			// Stopped by hand, with all that is there to go back.
			id = f.leftAlone(web, "3")
			web.sh("systemctl stop --no-block flakeops-" + id + ".service")
			eventually(t, "nothing of it is left but the timer", func() bool {
				web.killsOne(id, 0)
				return web.holds(`[ "$(systemctl list-units --all --plain --no-legend 'flakeops-*.service' | grep -c -v guard)" = 0 ]`)
			})
			if got := web.lastOutcome(); got != "" {
				t.Fatalf("it ended before: %q", got)
			}
			eventually(t, "the timer takes it up", func() bool { return web.killsOne(id, 0) })
			web.goesBack(id)
			web.is(before)

			f.version("web", "4")
			f.deploy().exits(0)
			web.runs(f.system("web"))
			web.settled()
		})
	}
}

// leftAlone deploys a version that stops in the middle of its activation, kills
// the deployer there, and returns the deployment's ID.
func (f *fleet) leftAlone(m *machine, version string) (id string) {
	f.t.Helper()
	f.version("web", version, "gate")
	p := f.start("deploy", "path:"+f.dir)
	m.reachesGate()
	p.signal(syscall.SIGKILL)
	p.wait().exits(-1)
	eventually(f.t, "nobody follows", func() bool {
		return m.holds(`! grep -lzxE '[s]tart|[a]ttach' /proc/[0-9]*/cmdline 2>/dev/null | grep -q .`)
	})
	r := m.records()
	return r[len(r)-1].ID
}

// killsOne kills one of the processes that carry the deployment.
func (m *machine) killsOne(id string, which int) bool {
	m.t.Helper()
	return m.holds(fmt.Sprintf(`set -- $(grep -lzx '[%c]%s' /proc/[0-9]*/cmdline 2>/dev/null)
		[ $# -gt 0 ] && shift $((%d %% $#)) && pid=${1#/proc/} && kill -KILL ${pid%%/cmdline}`, id[0], id[1:], which))
}

// goesBack lets the old system's activation come to its end.
func (m *machine) goesBack(id string) {
	m.t.Helper()
	eventually(m.t, "the host has gone back", func() bool {
		m.sh("mkdir -p /run/fleet && touch /run/fleet/go")
		return m.lastOutcome() == wire.RolledBack
	})
	m.settled()
	m.sh("rm -f /run/fleet/go /run/fleet/reached")
	if r := m.records(); r[len(r)-1].ID != id || !strings.Contains(r[len(r)-1].Message, "ended while") {
		m.t.Errorf("its last record is %+v", r[len(r)-1])
	}
}
