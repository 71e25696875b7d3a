package e2e

import (
	"strings"
	"syscall"
	"testing"

	"flakeops/activate/wire"
)

// What breaks in the middle: links, power, processes.

// gated is a host that version 1 was deployed to, as it was then, and a deployer
// whose activation of version 2 has come to its gate and waits there.
func gated(t *testing.T, settings attrs) (*machine, snapshot, *process) {
	t.Helper()
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	for option, value := range settings {
		f.setting("web", option, value)
	}
	f.deploy().exits(0)
	before := web.snapshot()
	f.version("web", "2", "gate")
	p := f.start("deploy", "path:"+f.dir)
	web.reachesGate()
	return web, before, p
}

func TestLinkCutDuringActivationHealedInTimeIsConfirmed(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	f.setting("web", "confirmTimeout", 30)
	f.deploy().exits(0)
	system := f.version("web", "2", "gate")
	p := f.start("deploy", "path:"+f.dir)
	web.reachesGate()
	must(t, web.Cut(t.Context()))
	web.sh("touch /run/fleet/go")
	// Healed only once the host waits and the deployer has noticed.
	eventually(t, "the host waits for the confirm", func() bool {
		return web.holds("grep -q 'waiting for confirm' /run/flakeops/*/events.jsonl && readlink /run/current-system | grep -q " + system)
	})
	p.says("no contact")
	must(t, web.Heal(t.Context()))
	p.wait().exits(0).says("deployed")
	web.runs(system)
}

// Somebody at the console goes back, which lets the operator in: that confirms
// nothing.
func TestGoneBackByHandWhileWaitingIsNotCommitted(t *testing.T) {
	web, before, p := gated(t, attrs{"confirmTimeout": 60})
	must(t, web.Cut(t.Context()))
	web.sh("touch /run/fleet/go")
	eventually(t, "the host waits for the confirm", func() bool {
		return web.holds(`grep -q 'waiting for confirm' "$(ls -d /run/flakeops/*/ | tail -n 1)events.jsonl"`)
	})
	web.sh(before.Running + "/bin/switch-to-configuration test")
	must(t, web.Heal(t.Context()))
	p.wait().exits(5).says("rolled back", "somebody else activated "+before.Running)
	web.settled()
	web.is(before)
}

func TestLinkCutDuringActivationHealedTooLateIsRolledBack(t *testing.T) {
	web, before, p := gated(t, nil)
	must(t, web.Cut(t.Context()))
	web.sh("touch /run/fleet/go")
	eventually(t, "the host rolled back", func() bool { return web.lastOutcome() == wire.RolledBack })
	must(t, web.Heal(t.Context()))
	p.wait().exits(5).says("rolled back", "not confirmed")
	web.is(before)
}

func TestPowerCutBeforeTheConfirmBootsTheOldSystem(t *testing.T) {
	for _, suite := range []string{"bookworm", "sid"} {
		t.Run(suite, func(t *testing.T) {
			f := newFleet(t, map[string]string{"web": suite})
			web := f.hosts["web"]
			f.deploy().exits(0)
			before := web.snapshot()
			system := f.version("web", "2", "gate")
			p := f.start("deploy", "path:"+f.dir)
			web.reachesGate()
			must(t, web.PowerOff(t.Context()))
			must(t, web.PowerOn(t.Context()))
			p.wait().exits(5).says("rolled back", "rebooted")
			after := web.snapshot()
			if after.Running != before.Running || after.Profile != before.Profile || after.Boot != before.Boot || after.Version != before.Version {
				t.Errorf("after the power cut %+v, want %+v", after, before)
			}
			if after.Running == system {
				t.Error("an unconfirmed system booted")
			}
			f.version("web", "3")
			f.deploy().exits(0)
			web.runs(f.system("web"))
		})
	}
}

// Between profile and boot loader a power cut leaves the one new and the other
// old: the same again completes it.
func TestPowerCutBetweenProfileAndBootLoaderIsCompleted(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	f.deploy().exits(0)
	before := web.snapshot()
	system := f.version("web", "2", "gate-bootloader")
	p := f.start("deploy", "--boot", "path:"+f.dir)
	web.reachesGate()
	must(t, web.PowerOff(t.Context()))
	must(t, web.PowerOn(t.Context()))
	p.wait().exits(6).says("in the middle of the commit", "deploy again")
	if now := web.snapshot(); now.Running != before.Running || now.Boot != before.Boot || now.Profile != system {
		t.Fatalf("after the power cut: %+v", now)
	}
	p = f.start("deploy", "--boot", "path:"+f.dir)
	web.openGate()
	p.wait().exits(0).says("boot set")
	if now := web.snapshot(); now.Boot != system || now.Running != before.Running {
		t.Errorf("after the same again: %+v", now)
	}
}

// What a host shows in the middle of a deployment may be taken back.
func TestHostBeingDeployedToIsNotUpToDate(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	f.deploy().exits(0)
	system := f.version("web", "2", "gate-bootloader")
	first := f.start("deploy", "path:"+f.dir)
	web.reachesGate()
	f.deploy().exits(8).says("refused", "is running on this host since").keepsQuiet("up to date")
	web.openGate()
	first.wait().exits(0)
	web.runs(system)
	f.deploy().exits(0).says("up to date")
}

func TestKilledAgentIsRolledBackBySystemd(t *testing.T) {
	web, before, p := gated(t, nil)
	web.sh("systemctl kill --kill-who=main --signal=KILL 'flakeops-*[0-9A-Z].service'")
	p.wait().exits(5).says("rolled back", "the agent on the host ended while activating")
	web.settled()
	web.is(before)
}

// With nobody left who follows the deployment, systemd alone brings the host back.
func TestKilledAgentIsRolledBackWithoutADeployer(t *testing.T) {
	web, before, p := gated(t, nil)
	p.signal(syscall.SIGKILL)
	p.wait().exits(-1)
	eventually(t, "nobody follows", func() bool { return web.holds(`! grep -lz '^start$' /proc/[0-9]*/cmdline 2>/dev/null | grep -q .`) })
	web.sh("systemctl kill --kill-who=main --signal=KILL 'flakeops-*[0-9A-Z].service'")
	eventually(t, "the host rolled back", func() bool { return web.lastOutcome() == wire.RolledBack })
	web.settled()
	web.is(before)
}

func TestKilledDeployerDuringActivationIsRolledBack(t *testing.T) {
	web, before, p := gated(t, nil)
	p.signal(syscall.SIGKILL)
	p.wait().exits(-1)
	web.sh("touch /run/fleet/go")
	eventually(t, "the host rolled back", func() bool { return web.lastOutcome() == wire.RolledBack })
	web.settled()
	web.is(before)
}

func TestCtrlCDuringActivationRollsBackAtOnce(t *testing.T) {
	web, before, p := gated(t, attrs{"confirmTimeout": 600, "activationTimeout": 600})
	p.signal(syscall.SIGINT)
	p.wait().exits(130).says("rolled back")
	web.settled()
	web.is(before)
}

func TestSecondSignalLeavesAtOnceWithATableAndTheHostRollsBack(t *testing.T) {
	// By itself the deployer would ask the silent host for longer than wait waits.
	web, before, p := gated(t, attrs{"activationTimeout": 600, "sshOptions": []string{"ServerAliveInterval=600"}})
	must(t, web.Cut(t.Context()))
	p.signal(syscall.SIGTERM)
	p.says("asking the host to go back")
	p.signal(syscall.SIGTERM)
	r := p.wait().exits(6)
	if !strings.Contains(r.stdout, "web") || !strings.Contains(r.stdout, "unknown") {
		t.Errorf("the table is %q", r.stdout)
	}
	p.leftNothing()
	web.sh("touch /run/fleet/go")
	eventually(t, "the host rolled back", func() bool { return web.lastOutcome() == wire.RolledBack })
	must(t, web.Heal(t.Context()))
	web.settled()
	web.is(before)
}

func TestSecondDeployerIsRefusedAndToldWhoHoldsTheHost(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	kept := secret()
	f.keys("web", map[string]map[string]any{"token": text(kept)})
	f.deploy().exits(0)
	before := web.snapshot()
	system := f.version("web", "2", "gate")
	first := f.start("deploy", "path:"+f.dir)
	web.reachesGate()

	// While it runs, the garbage collector leaves alone what it needs.
	roots := web.sh("readlink /nix/var/nix/gcroots/flakeops/*")
	for _, path := range []string{before.Running, system, web.sh("systemctl show -P ExecStart 'flakeops-*' | grep -o '/nix/store/[^ ;]*' | head -n 1")} {
		if path == "" || !strings.Contains(roots, path) {
			t.Errorf("%s is not rooted, only\n%s", path, roots)
		}
	}

	f.keys("web", map[string]map[string]any{"token": text(secret())})
	f.version("web", "3")
	holder := web.sh("cat /run/flakeops/lock")
	f.deploy().exits(8).says("refused", "is running on this host since")
	if now := web.sh("cat /run/flakeops/lock"); now != holder {
		t.Errorf("the holder changed from %s to %s", holder, now)
	}
	f.run("send-keys", "path:"+f.dir).exits(8).says("refused", "is running on this host since")
	web.holdsKey("/run/keys/token", []byte(kept), "root:root", "400")
	web.openGate()
	first.wait().exits(0)
	web.runs(system)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
