package e2e

import (
	"strings"
	"testing"

	"flakeops/tests/schema"
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

	// Systems that throw do not matter, and a host that hangs keeps no other from answering.
	for name, n := range f.nodes {
		n.Faults, n.Message = []string{"eval-throws"}, name+" wants a disk"
		f.nodes[name] = n
	}
	f.write()
	f.hosts["old"].sh("systemctl stop ssh.socket; pkill -STOP -x sshd || :")
	f.run("list-generations", "path:"+f.dir).exits(7).says("web   5    ", "db    5    ", "current", "old: unreachable")
	f.run("history", "path:"+f.dir, "--since", "1h").exits(7).says("web   deployed", "by ", "old: unreachable")
	f.holdsSchema("list-generations", f.run("list-generations", "path:"+f.dir, "--json").exits(7).stdout)
	f.holdsSchema("history", f.run("history", "path:"+f.dir, "--json").exits(7).stdout)
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

	// What ran before need not be a generation.
	f.version("web", "6")
	f.deploy("--on", "web").exits(0)
	tried := f.version("web", "7")
	f.deploy("--on", "web", "--test").exits(0)
	f.version("web", "8")
	f.deploy("--on", "web", "--test").exits(0)
	f.run("gc", "path:"+f.dir, "--on", "web", "--keep", "1").exits(0)
	f.hosts["web"].sh("nix-store --check-validity " + tried + " && ! ls /nix/var/nix/gcroots/flakeops/gc 2>/dev/null")
	f.run("rollback", "path:"+f.dir, "--on", "web", "--test").exits(0)
	if now := f.hosts["web"].snapshot().Running; now != tried {
		t.Errorf("went back to %s, want %s", now, tried)
	}
}

// holdsSchema holds a verb's document against the schema that is published.
func (f *fleet) holdsSchema(verb, doc string) {
	f.t.Helper()
	s, err := schema.Read("../../docs/reference/schema/" + verb + ".json")
	must(f.t, err)
	if err := s.Check([]byte(doc)); err != nil {
		f.t.Errorf("%v in %s", err, doc)
	}
}
