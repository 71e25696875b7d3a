package e2e

import (
	"strings"
	"testing"
)

// What runs, was booted, is the default and ran before stays; the rest goes, from the
// boot loader's menu too, and with it what only it needed.
func TestGCDeletesOldGenerations(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm", "db": "trixie", "old": "sid"})
	systems := map[string][]string{}
	for _, v := range []string{"1", "2", "3", "4"} {
		for name := range f.hosts {
			systems[name] = append(systems[name], f.version(name, v))
		}
		f.deploy().exits(0)
	}
	generations := func(name string) []string {
		return strings.Fields(f.hosts[name].sh("ls -d /nix/var/nix/profiles/system-*-link | sort -t- -k2n"))
	}
	before := len(generations("web"))
	f.run("gc", "path:"+f.dir, "--keep", "1", "--dry-run").exits(0).says("would collect", "generations would go")
	if got := generations("web"); len(got) != before {
		t.Errorf("a dry run deleted: %q", got)
	}
	f.run("gc", "path:"+f.dir, "--older-than", "1d").exits(0).says("0 generations deleted")

	for name := range f.hosts {
		f.setting(name, "tags", []string{"x"}) // a system that throws does not matter
	}
	f.hosts["old"].sh("systemctl stop ssh.socket ssh.service")
	f.run("gc", "path:"+f.dir, "--keep", "1", "-k").exits(7).says("freed", "unreachable")
	for _, name := range []string{"web", "db"} {
		m, all := f.hosts[name], systems[name]
		if got := generations(name); len(got) > 3 {
			t.Errorf("%s still has %q", name, got)
		}
		m.runs(all[3])
		m.sh("nix-store --check-validity " + all[2] + " " + all[3]) // the one before can be gone back to
		m.sh("! nix-store --check-validity " + all[0] + " " + all[1] + " 2>/dev/null")
		if menu := strings.Fields(m.sh("ls /boot/loader/entries")); len(menu) > 3 {
			t.Errorf("%s: the boot loader's menu still has %q", name, menu)
		}
	}

	system := f.version("web", "5", "gate-bootloader")
	p := f.start("deploy", "--on", "web", "path:"+f.dir)
	f.hosts["web"].reachesGate()
	f.run("gc", "path:"+f.dir, "--on", "web", "--keep", "1").exits(8).says("is running there since")
	f.hosts["web"].openGate()
	p.wait().exits(0)
	f.hosts["web"].runs(system)
}
