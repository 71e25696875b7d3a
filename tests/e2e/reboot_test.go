package e2e

import (
	"testing"
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
