package e2e

import (
	"slices"
	"strings"
	"testing"

	"flakeops/activate/wire"
	"flakeops/tests/flakes"
)

// Activations that fail: the host is as it was, and the operator is told why.

func TestActivationFailureRollsBack(t *testing.T) {
	for _, c := range []struct {
		fault string
		says  []string
	}{
		{"activation-fails", []string{"the activation script failed", "exit status 2"}},
		{"unit-fails", []string{"units failed", "fleet-broken.service"}},
		{"hang", []string{"longer than activationTimeout (8 s)"}},
		{"hang-hard", []string{"longer than activationTimeout (8 s)"}},
		{"precheck-fails", []string{"exit status 1"}},
		{"reboot-needed", []string{"--boot"}},
	} {
		t.Run(c.fault, func(t *testing.T) {
			f := newFleet(t, map[string]string{"web": "bookworm"})
			web := f.hosts["web"]
			f.deploy().exits(0)
			before := web.snapshot()
			if strings.HasPrefix(c.fault, "hang") {
				f.setting("web", "activationTimeout", 8)
			}

			f.version("web", "2", c.fault)
			f.deploy().exits(5).says(append(c.says, "web", "rolled back")...)
			web.is(before)
			if got := web.lastOutcome(); got != wire.RolledBack {
				t.Errorf("outcome on record: %q", got)
			}
			if web.holds("systemctl is-failed --quiet fleet-broken.service") {
				t.Error("the new system's broken unit is still there")
			}
		})
	}
}

// A unit that systemd will start once more has failed, too.
func TestUnitsThatFailAgainAndAgainAreNamed(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "sid"})
	web := f.hosts["web"]
	f.deploy().exits(0)
	f.version("web", "2", "gate", "unit-fails")
	p := f.start("deploy", "path:"+f.dir)
	web.reachesGate()
	web.sh("systemd-run --quiet --unit=again --property=Restart=always --property=RestartSec=1h false")
	eventually(t, "it has failed", func() bool {
		return web.holds(`[ "$(systemctl show --property=SubState --value again.service)" = auto-restart ]`)
	})
	web.openGate()
	p.wait().exits(5).says("units failed", "again.service", "fleet-broken.service")
}

// A first deploy goes back to a system that flakeops did not make.
func TestFirstDeployRollsBackToTheFactorySystem(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "trixie"})
	web := f.hosts["web"]
	before := web.snapshot()
	if before.Running != web.FactorySystem() || before.Current != "system-1-link" {
		t.Fatalf("the host did not come as expected: %+v", before)
	}
	f.version("web", "1", "drop-packets")
	f.deploy().exits(5).says("rolled back", "not confirmed")
	web.sh("rm /run/fleet/version") // the new system's service ran, and wrote it
	web.is(before)
	if !web.holds("systemctl is-active --quiet fleet-factory.service") {
		t.Error("the factory system's service does not run")
	}
}

func TestBootLoaderFailureAfterTheConfirmRollsBack(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	f.deploy().exits(0)
	before := web.snapshot()

	f.version("web", "2", "bootloader-fails")
	f.deploy().exits(5).says("rolled back", "boot default")
	after := web.snapshot()
	// The generation that could not be made bootable stays: none is deleted.
	if !slices.Contains(after.Generations, "system-3-link") {
		t.Errorf("generations %v", after.Generations)
	}
	after.Generations = before.Generations
	if after.Running != before.Running || after.Profile != before.Profile || after.Boot != before.Boot || after.Current != before.Current || after.Version != before.Version {
		t.Errorf("after the rollback: %+v, want %+v", after, before)
	}
	if err := web.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := web.snapshot().Running; got != before.Running {
		t.Errorf("after a reboot %s runs", got)
	}
}

func TestNoisyActivationIsDeployed(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	system := f.version("web", "1", "noisy")
	f.deploy().exits(0).says("deployed")
	f.hosts["web"].runs(system)
}

func TestAutoRollbackOffLeavesTheSystemAndTriesAgain(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	f.deploy().exits(0)
	before := web.snapshot()
	system := f.version("web", "2", "activation-fails")
	f.setting("web", "autoRollback", false)

	f.deploy().exits(6).says("left as it is", before.Running+"/bin/switch-to-configuration test")
	after := web.snapshot()
	if after.Running != system || after.Profile != before.Profile || after.Boot != before.Boot {
		t.Errorf("%+v", after)
	}
	// It runs, but it never came up: the same again is not only a commit.
	f.deploy().exits(6).says("activation script failed")
	f.version("web", "3")
	f.deploy().exits(0)
	web.runs(f.system("web"))
}

// Deploying what is there already, killed, must not take the generation away.
func TestIdenticalRedeployThatIsKilledKeepsTheGeneration(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	f.deploy().exits(0)
	f.set("web", func(n *flakes.Node) { n.Faults = []string{"gate-bootloader"}; n.Version = "2" })
	p := f.start("deploy", "path:"+f.dir)
	web.openGate()
	p.wait().exits(0)
	before := web.snapshot()

	// The profile is put back by hand, so that the same system is committed
	// once more, and the agent is killed in the middle of that.
	web.sh("nix-env -p /nix/var/nix/profiles/system --switch-generation 2")
	p = f.start("deploy", "path:"+f.dir)
	web.reachesGate()
	web.sh("systemctl kill --kill-who=main --signal=KILL 'flakeops-*[0-9A-Z].service'")
	web.openGate()
	p.wait().exits(0).says("deployed")
	web.settled()
	web.is(before)
}
