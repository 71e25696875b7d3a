package flakes_test

import (
	"strings"
	"testing"
	"time"

	"flakeops/tests/flakes"
	"flakeops/tests/lab/host"
)

// The systems keep NixOS's contract on a real host, or break it as they say.
func TestContract(t *testing.T) {
	nodes := map[string]flakes.Node{
		"good":   {Version: "1", Config: "a"},
		"better": {Version: "2", Config: "b"},
	}
	for _, fault := range []string{
		"drop-packets", "drop-new", "stop-sshd", "kill-connections", "activation-fails", "unit-fails",
		"reboot-needed", "precheck-fails", "bootloader-fails", "gate-bootloader", "hang", "hang-hard",
		"gate", "noisy", "no-units",
	} {
		nodes[fault] = flakes.Node{Version: fault, Faults: []string{fault}, Message: "on purpose: " + fault}
	}
	for _, suite := range host.Suites() {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			b := newBox(t, suite, nodes)
			b.goals()
			b.faults()
			b.endless()
			b.network()
			b.boots()
		})
	}
}

func (b *box) goals() {
	const etc = `find /etc /boot /var/lib /run/fleet /run/current-system -printf '%p %T@ %l\n' 2>/dev/null | sort`
	before := b.sh(etc)
	out := b.reach("good", "dry-activate")
	if want := "would stop the following units: fleet-factory.service\nwould activate the configuration...\n" +
		"would start the following units: fleet-app.service, fleet-config.service\n"; out != want {
		b.t.Errorf("dry-activate said %q, want %q", out, want)
	}
	if after := b.sh(etc); after != before {
		b.t.Errorf("dry-activate changed something:\n%s\n\n%s", before, after)
	}

	out = b.reach("good", "test")
	if want := "stopping the following units: fleet-factory.service\nactivating the configuration...\n" +
		"starting the following units: fleet-app.service, fleet-config.service\n"; out != want {
		b.t.Errorf("test said %q, want %q", out, want)
	}
	b.is("good", "factory")
	b.runs("1", "a")

	out = b.reach("better", "dry-activate")
	if want := "would activate the configuration...\nwould reload the following units: fleet-config.service\n" +
		"would restart the following units: fleet-app.service\n"; out != want {
		b.t.Errorf("dry-activate said %q, want %q", out, want)
	}
	pid := b.sh("systemctl show --value --property=MainPID fleet-config.service")
	b.reach("better", "switch")
	b.is("better", "better")
	b.runs("2", "b")
	if now := b.sh("systemctl show --value --property=MainPID fleet-config.service"); now != pid {
		b.t.Error("a unit that wants a reload was restarted")
	}
	pid = b.sh("systemctl show --value --property=MainPID fleet-app.service")
	b.reach("better", "switch")
	if now := b.sh("systemctl show --value --property=MainPID fleet-app.service"); now != pid {
		b.t.Error("a unit that did not change was restarted")
	}
	b.reach("good", "boot")
	b.is("better", "good")
	b.runs("2", "b")
	b.home()
}

// runs checks what the services of the running system wrote.
func (b *box) runs(version, config string) {
	b.t.Helper()
	if got := b.sh("cat /run/fleet/version /run/fleet/config"); got != version+"\n"+config {
		b.t.Errorf("services wrote %q, want %q and %q", got, version, config)
	}
}

// home goes back to what the host came with, as a rollback would.
func (b *box) home() {
	b.t.Helper()
	b.reach("factory", "switch")
	b.is("factory", "factory")
	const look = `systemctl list-units --all --no-legend --plain 'fleet-*' 'ssh.*' | while read -r unit load active more; do
			echo "$unit $load $active"
		done
		nft list table inet fleet 2>/dev/null
		ls -d /etc/systemd/system/fleet-*`
	const want = "fleet-factory.service loaded active\nssh.service loaded active\n/etc/systemd/system/fleet-factory.service"
	if state := b.sh(look); state != want {
		b.t.Errorf("after going back: %q", state)
	}
	if !b.reachable() {
		b.t.Error("after going back the host can't be reached")
	}
}

func (b *box) faults() {
	const old, young = "factory", "" // young: the system with the fault
	for _, c := range []struct {
		fault, goal   string
		code          int
		running, boot string
		says          string
	}{
		{"activation-fails", "test", 2, young, old, "on purpose: activation-fails"},
		{"activation-fails", "boot", 0, old, young, ""},
		{"unit-fails", "test", 4, young, old, "warning: the following units failed: fleet-broken.service\n"},
		{"unit-fails", "switch", 4, young, young, "Active: failed"},
		{"reboot-needed", "test", 100, old, old, "until\nyou reboot"},
		{"reboot-needed", "switch", 100, old, young, "until\nyou reboot"},
		{"reboot-needed", "boot", 0, old, young, ""},
		{"precheck-fails", "switch", 1, old, old, "Pre-switch checks failed"},
		{"precheck-fails", "dry-activate", 1, old, old, "on purpose: precheck-fails"},
		{"bootloader-fails", "test", 0, young, old, ""},
		{"bootloader-fails", "boot", 1, old, old, "Failed to install bootloader"},
		{"bootloader-fails", "switch", 1, old, old, "on purpose: bootloader-fails"},
		{"no-units", "switch", 0, young, young, "stopping the following units: fleet-factory.service\n"},
		{"noisy", "test", 0, young, old, strings.Repeat("x", 1<<20) + "\x1b[2J"},
	} {
		code, out := b.goal(c.fault, c.goal)
		if code != c.code || !strings.Contains(out, c.says) {
			b.t.Errorf("%s %s: exit %d, want %d; said %.400q, want %.80q in it", c.fault, c.goal, code, c.code, out, c.says)
		}
		name := func(system string) string {
			if system == young {
				return c.fault
			}
			return system
		}
		b.is(name(c.running), name(c.boot))
		b.home()
	}
	// What a unit wrote reaches the journal in its own time.
	b.sh("for i in $(seq 200); do journalctl --quiet --unit=fleet-broken | grep -q 'on purpose: unit-fails' && exit 0; sleep 0.05; done; exit 1")
}

func (b *box) endless() {
	const hanging, reached = "/run/fleet/hanging", "/run/fleet/reached"
	for _, fault := range []string{"hang", "hang-hard"} {
		b.start(fault, "test", hanging)
		b.is(fault, "factory")
		if code, out := b.goal("factory", "test"); code != 11 || out != "Could not acquire lock\n" {
			b.t.Errorf("while %s hangs: exit %d, %q", fault, code, out)
		}
		b.sh("systemctl stop goal; rm " + hanging)
		b.home()
	}
	b.start("gate", "test", reached)
	b.is("gate", "factory")
	b.sh("touch /run/fleet/go")
	b.finish()
	b.is("gate", "factory")
	b.sh("! [ -e /run/fleet/go ] && ! [ -e " + reached + " ] && [ $(cat /run/fleet/version) = gate ]")
	b.home()

	b.start("gate-bootloader", "boot", reached)
	b.is("factory", "factory")
	b.sh("touch /run/fleet/go")
	b.finish()
	b.is("factory", "gate-bootloader")
	b.home()
}

func (b *box) network() {
	for _, c := range []struct {
		fault      string
		old, young bool // connections from before, and new ones, work
	}{
		{"drop-packets", false, false},
		{"drop-new", true, false},
		{"stop-sshd", true, false},
		{"kill-connections", false, true},
	} {
		l := b.connect()
		b.reach(c.fault, "test")
		b.is(c.fault, "factory")
		patience := 10 * time.Second
		if !c.old {
			patience = time.Second
		}
		if got := l.alive(patience); got != c.old {
			b.t.Errorf("%s: a connection from before lives: %v", c.fault, got)
		}
		if got := b.reachable(); got != c.young {
			b.t.Errorf("%s: a new connection works: %v", c.fault, got)
		}
		b.home()
	}
}

// boots checks that a reboot takes the default, faulty or not.
func (b *box) boots() {
	ctx := b.t.Context()
	b.reach("better", "test")
	if err := b.host.PowerCut(ctx); err != nil {
		b.t.Fatal(err)
	}
	b.is("factory", "factory")
	for _, name := range []string{"better", "drop-packets", "hang-hard", "reboot-needed"} {
		b.reach(name, "boot")
		if err := b.host.Reboot(ctx); err != nil {
			b.t.Fatal(err)
		}
		b.is(name, name)
		if !b.reachable() {
			b.t.Errorf("%s: can't be reached after it was booted", name)
		}
	}
	if code, _ := b.goal("factory", "test"); code != 100 {
		b.t.Errorf("going back from a system that needed a reboot: exit %d", code)
	}
}
