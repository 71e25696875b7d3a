package e2e

import (
	"slices"
	"testing"

	"flakeops/tests/flakes"
)

// How a deployment ended is judged by what the host is like, not by which step
// failed.

// holdsOn asserts that the host runs, has as its profile and boots what it did.
// Generations may have come.
func (m *machine) holdsOn(want snapshot) {
	m.t.Helper()
	now := m.snapshot()
	if !slices.Contains(now.Generations, want.Current) {
		m.t.Errorf("generation %s is gone: %v", want.Current, now.Generations)
	}
	want.Generations, want.Current = now.Generations, now.Current
	m.is(want)
}

// With a /boot that nothing can be written to, the way back fails at the same
// step as the way forward, and the host is as it was.
func TestBootLoaderThatCannotBeWritten(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	f.deploy().exits(0)
	// A file system of its own, as that of the firmware is.
	web.sh(`cp -a /boot /root/boot; mount -t tmpfs -o size=4M,mode=755 boot /boot; cp -a /root/boot/. /boot/`)
	for _, c := range []struct {
		name, spoil, mend string
		says              []string
	}{
		{"full", "dd if=/dev/zero of=/boot/filler bs=4k 2>/dev/null || :", "rm /boot/filler", []string{"No space left on device", "/boot is full"}},
		{"read-only", "mount -o remount,ro /boot", "mount -o remount,rw /boot", []string{"Read-only file system", "/boot is mounted read-only"}},
		{"unknown", "mv /boot/loader /root/; mount -o remount,ro /boot", "mount -o remount,rw /boot; mv /root/loader /boot/", []string{"Read-only file system"}},
		{"leftover", "touch /boot/loader/loader.tmp", "rm /boot/loader/loader.tmp", []string{"File exists", "/boot/loader/loader.tmp was left behind", "remove it"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := f.at(t)
			before := web.snapshot()
			web.sh(c.spoil)
			f.version("web", c.name)
			f.deploy().exits(5).says(append(c.says, "rolled back", "the boot loader could not be installed")...).keepsQuiet("look at the host")
			web.holdsOn(before)
			web.sh(c.mend)
			f.deploy().exits(0).says("deployed")
			web.runs(f.system("web"))
		})
	}
}

// What would boot is looked at when all is said to be done.
func TestBootDefaultIsLookedAt(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "sid"})
	web := f.hosts["web"]
	f.set("web", func(n *flakes.Node) { n.BootLimit = 1 })
	f.deploy().exits(0)
	before := web.snapshot()

	f.version("web", "2", "bootloader-idle")
	f.deploy().exits(5).says("rolled back", before.Running+" would still boot")
	web.holdsOn(before)
	f.deploy("--boot").exits(5).says("rolled back", before.Running+" would still boot")
	web.holdsOn(before)

	// The old system's generation is too old for an entry by now.
	f.version("web", "3", "bootloader-late")
	f.deploy().exits(5).says("rolled back", "the boot loader could not be installed")
	web.holdsOn(before)

	// 24.11's ends with an errno, and waits for a lock.
	f.set("web", func(n *flakes.Node) { n.Version, n.Faults, n.Switch = "4", []string{"bootloader-fails"}, "24.11" })
	f.deploy().exits(5).says("rolled back", "the boot loader could not be installed", "exit status 17", "as the node's faults ask for")
	must(t, web.Reboot(t.Context()))
	if now := web.snapshot(); now.Running != before.Running {
		t.Errorf("%s has booted", now.Running)
	}
}

// A unit that never comes up, a mount without its disk for example, is started
// again by every activation and fails it. That is no fault of the new system.
func TestWhatHadFailedBeforeDoesNotHinder(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	web.sh(`cd /etc/systemd/system
		printf '[Mount]\nWhat=nowhere\nWhere=/data\nType=nosuchfs\n[Install]\nWantedBy=multi-user.target\n' >data.mount
		printf '[Service]\nType=oneshot\nExecStart=/bin/false\n[Install]\nWantedBy=multi-user.target\n' >sad.service
		systemctl enable data.mount sad.service 2>/dev/null
		! systemctl start data.mount sad.service 2>/dev/null`)
	f.deploy().exits(0).says("deployed", "units failed, as they had before", "data.mount", "sad.service")
	web.runs(f.system("web"))
	f.version("web", "2")
	f.deploy("--no-auto-rollback").exits(0).says("deployed", "as they had before")
	web.runs(f.system("web"))

	before := web.snapshot()
	f.version("web", "3", "unit-fails")
	f.deploy().exits(5).says("rolled back", "units failed: fleet-broken.service")
	web.is(before)

	// And on an old NixOS a rule of tmpfiles.
	web.sh("echo 'd /run/x 0755 nobody-knows-whom' >/etc/tmpfiles.d/sad.conf; systemctl disable --now data.mount sad.service; systemctl reset-failed")
	f.set("web", func(n *flakes.Node) { n.Version, n.Faults, n.Switch = "4", nil, "17.09" })
	f.deploy().exits(0).says("deployed", "systemd-tmpfiles failed", "exit status 3")
	web.runs(f.system("web"))
	before = web.snapshot()
	f.set("web", func(n *flakes.Node) { n.Version, n.Faults = "5", []string{"stop-sshd"} })
	f.deploy().exits(5).says("rolled back", "not confirmed")
	web.is(before)
}
