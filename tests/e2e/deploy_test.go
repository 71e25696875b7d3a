package e2e

import (
	"testing"

	"flakeops/activate/wire"
)

func TestDeployThreeNixVersionsInOneRun(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm", "db": "trixie", "edge": "sid"})
	f.deploy().exits(0).says("web", "db", "edge", "deployed")
	for name, m := range f.hosts {
		m.runs(f.system(name))
		s := m.snapshot()
		if s.Current != "system-2-link" || s.Version != "1" {
			t.Errorf("%s: profile %s, service of version %q", name, s.Current, s.Version)
		}
		r := m.records()
		if len(r) != 2 || r[1].Outcome != wire.Deployed || r[1].New != f.system(name) || r[1].Old != m.FactorySystem() || r[1].Operator == "" {
			t.Errorf("%s: records %+v", name, r)
		}
	}

	before := map[string]snapshot{}
	invocation := map[string]string{}
	for name, m := range f.hosts {
		before[name] = m.snapshot()
		invocation[name] = m.sh("systemctl show -P InvocationID fleet-app.service")
	}
	f.deploy().exits(0).says("up to date").keepsQuiet("activating")
	for name, m := range f.hosts {
		m.is(before[name])
		if now := m.sh("systemctl show -P InvocationID fleet-app.service"); now != invocation[name] {
			t.Errorf("%s: the service was restarted", name)
		}
		if n := len(m.records()); n != 2 {
			t.Errorf("%s: %d records after a run that had nothing to do", name, n)
		}
	}
}

func TestDeployAfterTestOnlyCommits(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	system := f.system("web")
	before := web.snapshot()

	f.deploy("--test").exits(0).says("tested")
	tested := web.snapshot()
	if tested.Running != system || tested.Profile != before.Profile || tested.Boot != before.Boot || tested.Current != before.Current {
		t.Fatalf("after --test: %+v", tested)
	}
	invocation := web.sh("systemctl show -P InvocationID fleet-app.service")

	f.deploy().exits(0).says("deployed").keepsQuiet("activating the configuration")
	web.runs(system)
	if now := web.sh("systemctl show -P InvocationID fleet-app.service"); now != invocation {
		t.Error("a deploy after --test restarted the service")
	}
}

func TestDeployBootChangesTheDefaultOnly(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	system := f.system("web")
	before := web.snapshot()

	f.deploy("--boot").exits(0).says("boot set")
	after := web.snapshot()
	if after.Running != before.Running || after.Version != before.Version {
		t.Errorf("--boot changed what runs: %+v", after)
	}
	if after.Profile != system || after.Boot != system {
		t.Errorf("--boot did not set the default: %+v", after)
	}
	if err := web.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	web.runs(system)
}

func TestDryActivateChangesNothing(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	f.deploy().exits(0)
	f.version("web", "2")
	before, records := web.snapshot(), web.sh("stat -c '%i %Y %s' /var/lib/flakeops/deployments.jsonl")
	gcroots := web.sh("find /nix/var/nix/gcroots | sort")
	bootTime := web.sh("stat -c '%i %Z' /boot/default-system /run/current-system /nix/var/nix/profiles/system")

	f.deploy("--dry-activate").exits(0).says("would restart", "fleet-app.service")
	web.is(before)
	for what, now := range map[string][2]string{
		"records":  {records, web.sh("stat -c '%i %Y %s' /var/lib/flakeops/deployments.jsonl")},
		"gc roots": {gcroots, web.sh("find /nix/var/nix/gcroots | sort")},
		"links":    {bootTime, web.sh("stat -c '%i %Z' /boot/default-system /run/current-system /nix/var/nix/profiles/system")},
	} {
		if now[0] != now[1] {
			t.Errorf("%s changed:\n%s\nis now\n%s", what, now[0], now[1])
		}
	}
}
