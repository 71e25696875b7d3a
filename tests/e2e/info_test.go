package e2e

import (
	"strings"
	"testing"
)

// What is told is what is there, whatever the records say: a host that somebody changed
// by hand, one that is behind, one that waits for a reboot; and one that hangs keeps none
// of the others from being told of.
func TestInfoTellsWhatIsThere(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm", "db": "trixie", "old": "sid"})
	ref := "path:" + f.dir
	factory := f.hosts["db"].snapshot().Running
	f.run("info", ref).exits(0).says("web   Foreign", "db    Foreign", "old   Foreign")
	f.deploy().exits(0)
	f.run("info", ref).exits(0).says("web   Up to date", "db    Up to date", "old   Up to date", "just now", "deployed by ")

	f.hosts["db"].sh("nix-env -p /nix/var/nix/profiles/system --set " + factory + " && " + factory + "/bin/switch-to-configuration switch")
	f.version("web", "2")
	f.hosts["old"].sh("systemctl stop ssh.socket; pkill -STOP -x sshd || :")
	r := f.run("info", ref, "--json").exits(7)
	f.holdsSchema("info", r.stdout)
	for _, want := range []string{`"state":"Outdated"`, `"state":"Foreign"`, `"outcome":"unreachable"`} {
		if !strings.Contains(strings.ReplaceAll(r.stdout, ": ", ":"), want) {
			t.Errorf("no %s in %s", want, r.stdout)
		}
	}
	f.deploy("--boot", "--on", "web").exits(0)
	f.run("info", ref, "--on", "web").exits(0).says("web   Needs reboot", "boot set by ")

	n := f.nodes["web"]
	n.Faults, n.Message = []string{"eval-throws"}, "web wants a disk"
	f.nodes["web"] = n
	f.write()
	f.run("info", ref, "--on", "web").exits(2).says("web wants a disk")
	f.run("info", ref, "--on", "web", "--no-eval").exits(0).says("web   Needs reboot").keepsQuiet("Outdated")
}
