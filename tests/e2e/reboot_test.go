package e2e

import (
	"testing"

	"flakeops/tests/flakes"
)

func TestRebootBringsTheHostsBackOneAfterTheOther(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm", "db": "trixie"})
	f.deploy().exits(0)
	before := map[string]string{}
	for name, m := range f.hosts {
		before[name] = m.sh("cat /proc/sys/kernel/random/boot_id")
	}
	f.run("reboot", "path:"+f.dir).exits(0).says("web", "db", "rebooted")
	for name, m := range f.hosts {
		if m.sh("cat /proc/sys/kernel/random/boot_id") == before[name] {
			t.Errorf("%s did not reboot", name)
		}
		m.runs(f.system(name))
	}
}

func TestRebootNoticesAnotherSystem(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	f.deploy().exits(0)
	// Somebody set the boot loader's default by hand.
	web.sh("ln -sfn " + web.FactorySystem() + " /boot/default-system")
	f.run("reboot", "path:"+f.dir).exits(6).says("web", "its profile is "+f.system("web"))
}

func TestDeployRebootRunsTheNewSystemAfterwards(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	f.deploy().exits(0)
	before := web.sh("cat /proc/sys/kernel/random/boot_id")
	// Only a reboot reaches this one.
	system := f.version("web", "2", "reboot-needed")
	f.deploy("--reboot").exits(0).says("rebooted")
	web.runs(system)
	if web.sh("cat /proc/sys/kernel/random/boot_id") == before {
		t.Error("the host did not reboot")
	}
	f.deploy("--reboot").exits(0).says("up to date").keepsQuiet("rebooted")
}

// A system that cannot be evaluated, as with a failed assertion, keeps nobody
// from what has to do with settings alone, also where only the host tells for
// which platform its agent is to be.
func TestVerbsThatNeedNoSystem(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	f.deploy().exits(0)
	deployed := f.system("web")
	for _, faults := range [][]string{{"eval-throws"}, {"eval-throws", "pkgs-throws"}} {
		f.set("web", func(n *flakes.Node) { n.Faults = nil })
		value := secret()
		f.keys("web", map[string]map[string]any{"token": {"keyFile": f.file([]byte(value))}})
		n := f.nodes["web"]
		n.Faults, n.Message = faults, "web wants a disk"
		f.nodes["web"] = n
		f.write()
		f.run("push", "path:"+f.dir).exits(2).says("web wants a disk")
		f.run("keys", "list", "path:"+f.dir).exits(0).says("token", "/run/keys/token")
		f.run("send-keys", "path:"+f.dir).exits(0).says("1 key changed")
		web.holdsKey("/run/keys/token", []byte(value), "root:root", "400")
		f.run("keys", "list", "path:"+f.dir).exits(0).says("present")
		before := web.sh("cat /proc/sys/kernel/random/boot_id")
		f.run("reboot", "path:"+f.dir).exits(0).says("rebooted").keepsQuiet("web wants a disk")
		if web.sh("cat /proc/sys/kernel/random/boot_id") == before {
			t.Error("the host did not reboot")
		}
		web.runs(deployed)
		web.holdsKey("/run/keys/token", []byte(value), "root:root", "400")
	}
}
