package e2e

import (
	"testing"

	"flakeops/tests/flakes"
)

// One host is well, one has a unit that failed, one hangs and then is down, and one is
// not known: each is told of, and the exit status is the sum.
func TestCheckTellsHowHostsAre(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm", "db": "trixie", "old": "sid"})
	ref := "path:" + f.dir
	for name, m := range f.hosts {
		m.sh("systemctl reset-failed; systemctl stop systemd-networkd-wait-online.service 2>/dev/null; :")
		f.nodes[name] = flakes.Node{Faults: []string{"eval-throws"}, Message: name + " wants a disk"}
	}
	f.nodes["unheard"] = flakes.Node{Deployment: attrs{"targetHost": "unheard.invalid"}}
	f.write()
	f.run("check", ref, "--on", "web").exits(0).says("web   yes     yes  yes        ok")
	f.hosts["db"].sh("systemd-run --unit broken-on-purpose false; while ! systemctl is-failed broken-on-purpose; do sleep 0.1; done")
	f.run("check", ref, "--on", "web,db").exits(16).says("failed: broken-on-purpose.service")
	f.run("check", ref, "--on", "web", "--max-usage", "1").exits(8).says("% full")
	f.hosts["old"].sh("systemctl stop ssh.socket; pkill -STOP -x sshd || :")
	r := f.run("check", ref, "--json").exits(1 + 4 + 16)
	f.holdsSchema("check", r.stdout)
	must(t, f.hosts["old"].PowerOff(t.Context()))
	f.run("check", ref).exits(1+2+16).says("old      yes     no", "unheard  no")
	f.run("check", ref, "--on", "web", "--verify-store").exits(0).says("web   yes")
	for _, name := range []string{"web", "db"} {
		f.hosts[name].hasNoTraces()
	}
}
