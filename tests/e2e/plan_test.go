package e2e

import (
	"encoding/json"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"flakeops/tests/flakes"
)

// planAnswer is what the tests look at of plan --json.
type planAnswer struct {
	Version  int `json:"version"`
	ExitCode int `json:"exitCode"`
	Nodes    []struct {
		Node     string `json:"node"`
		Outcome  string `json:"outcome"`
		Error    string `json:"error"`
		System   string `json:"system"`
		Running  string `json:"running"`
		Packages *struct {
			Added    []struct{ Name string }
			Removed  []struct{ Name string }
			Upgraded []struct {
				Name     string
				Old, New []string
			}
			Rebuilt []string
		} `json:"packages"`
		Size *struct {
			Running, New, Copy int64
			CopyPaths          int
		} `json:"size"`
		Keys *struct {
			Write, Remove []string
		} `json:"keys"`
		Reboot     []string `json:"reboot"`
		Activation []string `json:"activation"`
		LeftOut    []string `json:"leftOut"`
	} `json:"nodes"`
}

// plan runs flakeops plan on the fleet's flake to its end.
func (f *fleet) plan(args ...string) *result {
	f.t.Helper()
	return f.run(append([]string{"plan", "path:" + f.dir}, args...)...)
}

func (r *result) planned() planAnswer {
	r.t.Helper()
	var a planAnswer
	if err := json.Unmarshal([]byte(r.stdout), &a); err != nil || a.Version != 1 || a.ExitCode != r.code {
		r.t.Fatalf("%v in %s", err, r.stdout)
	}
	return a
}

// everything describes all that a host holds: its files with their inodes and
// times, and its processes. What a login leaves behind is not in it, nor what Nix
// touches whenever root asks its store something; the store's database is.
func (m *machine) everything() string {
	return m.sh(`
		find / \( -path /proc -o -path /sys -o -path /dev -o -path /run/systemd -o -path /run/user -o -path /run/log \
			-o -path /var/log -o -path /run/utmp \) -prune -o -printf '%p %i %s %m %U:%G %T@ %C@\n' |
			grep -vE '^(/run|/run/motd.dynamic|/nix/var/nix/db|/nix/var/nix/db/db.sqlite-(shm|wal)|/nix/var/nix/(gcroots|profiles)/per-user(/root)?) ' | sort
		for p in /proc/[0-9]*; do
			[ -s "$p/cmdline" ] || continue
			line=$(tr '\0' ' ' <"$p/cmdline" 2>/dev/null) || continue
			case $line in *sshd*|*'systemd --user'*|*sd-pam*|*'/bin/sh'*|sort*|find*|sh*|bash*|tr*|*nsenter*) ;; *) printf '%s %s\n' "${p#/proc/}" "$line" ;; esac
		done`)
}

// journal is what was logged of other things than logins, and the managers of users
// that come and go with them.
func (m *machine) journal() string {
	return m.sh("journalctl --sync; journalctl -q --no-pager -o short-iso-precise | grep -vE ' (sshd|sshd-session|systemd-logind|.systemd.|.sd-pam.)\\[|systemd\\[[0-9]{2,}\\]|systemd\\[1\\]: ((Started )?session-|.*(user(-runtime-dir)?@0|user-0|run-user-0))' || :")
}

// staysTheSame returns a function that asserts that nothing on the host changed.
func (m *machine) staysTheSame() func() {
	m.t.Helper()
	before, logged := m.everything(), m.journal()
	return func() {
		m.t.Helper()
		if now := m.everything(); now != before {
			m.t.Errorf("%s changed: %s", m.Name, changedLines(before, now))
		}
		if now := m.journal(); now != logged {
			m.t.Errorf("%s has logged: %s", m.Name, changedLines(logged, now))
		}
	}
}

func changedLines(before, now string) string {
	was, is := strings.Split(before, "\n"), strings.Split(now, "\n")
	var out []string
	for _, l := range was {
		if !slices.Contains(is, l) {
			out = append(out, "- "+l)
		}
	}
	for _, l := range is {
		if !slices.Contains(was, l) {
			out = append(out, "+ "+l)
		}
	}
	return strings.Join(out[:min(len(out), 40)], "\n")
}

// nowhere are the settings of a node on whose address nobody listens.
func nowhere(t *testing.T) map[string]any {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return brief(map[string]any{"targetHost": "127.0.0.1", "targetPort": l.Addr().(*net.TCPAddr).Port})
}

func TestPlan(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm", "mail": "trixie", "db": "sid"})
	for _, name := range []string{"web", "mail"} {
		f.set(name, func(n *flakes.Node) { n.Payload, n.Paths, n.Config = 100_000, 2, "1" })
	}
	f.deploy().exits(0)
	f.nodes["gone"] = flakes.Node{Deployment: nowhere(t)}
	behind := func(v string) { // the next generation of web and mail, which is not deployed
		for _, name := range []string{"web", "mail"} {
			f.set(name, func(n *flakes.Node) { n.Version, n.Payload, n.Config = v, 300_000, "" })
		}
	}
	behind("1.5")
	behind("2-" + secret()[6:14]) // never built before

	var same []func()
	for _, m := range f.hosts {
		m.settled()
		same = append(same, m.staysTheSame())
	}
	f.plan().exits(7).says("not built: run `flakeops build`", "gone", "unreachable", "up to date", "--push")
	f.plan("--on", "db").exits(0).says("up to date").keepsQuiet("changes", "web")
	f.plan("--on", "web").exits(10).says("changes").keepsQuiet("gone")
	f.plan("--skip-unreachable").exits(10)

	f.run("build", "path:"+f.dir, "--on", "web,mail").exits(0)
	a := f.plan("--json").exits(7).planned()
	for _, n := range a.Nodes {
		switch n.Node {
		case "db":
			if n.Outcome != "up to date" || n.System != n.Running || n.Packages == nil || len(n.Packages.Rebuilt) > 0 {
				t.Errorf("db: %+v", n)
			}
		case "gone":
			if n.Outcome != "unreachable" || n.Error == "" {
				t.Errorf("gone: %+v", n)
			}
		case "web", "mail":
			p, s := n.Packages, n.Size
			if n.Outcome != "changes" || n.System != f.system(n.Node) || p == nil || s == nil {
				t.Fatalf("%s: %+v", n.Node, n)
			}
			if len(p.Removed) != 1 || p.Removed[0].Name != "fleet-config" || len(p.Added) != 0 {
				t.Errorf("%s: added %+v, removed %+v", n.Node, p.Added, p.Removed)
			}
			if len(p.Upgraded) != 1 || p.Upgraded[0].Name != "nixos-system-"+n.Node || p.Upgraded[0].Old[0] != "1" {
				t.Errorf("%s: upgraded %+v", n.Node, p.Upgraded)
			}
			if !slices.Equal(p.Rebuilt, []string{"fleet-app", "fleet-bulk-p0", "fleet-bulk-p1"}) {
				t.Errorf("%s: rebuilt %+v", n.Node, p.Rebuilt)
			}
			// The system, its app and both outputs are not on the host.
			if grown := s.New - s.Running; grown < 190_000 || grown > 210_000 || s.CopyPaths != 4 || s.Copy < 300_000 || s.Copy > 350_000 {
				t.Errorf("%s: %+v", n.Node, *s)
			}
		}
	}
	f.plan("-v", "--on", "web").exits(10).says("upgraded: nixos-system-web 1 -> 2-", "removed: fleet-config", "rebuilt: fleet-app",
		"default at boot: generation", "KiB to copy")
	for _, unchanged := range same {
		unchanged()
	}
}

func TestPlanWithPushAsksTheNewSystem(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm", "db": "sid"})
	f.setting("db", "buildOnTarget", true)
	f.deploy().exits(0)
	f.version("web", "2")
	f.version("db", "2-"+secret()[6:14])
	web, db := f.hosts["web"], f.hosts["db"]
	before, beforeDB := web.snapshot(), db.snapshot()
	f.plan("--push").exits(10).says("web:\n", "db:\n", "would restart the following units: fleet-app.service", "nixos-system-").keepsQuiet("left out", "not built")
	a := f.plan("--push", "--json").exits(10).planned()
	for _, n := range a.Nodes {
		if n.Packages == nil || len(n.Packages.Upgraded) != 1 || len(n.Activation) == 0 || len(n.LeftOut) > 0 {
			t.Errorf("%+v", n)
		}
	}
	web.is(before)
	db.is(beforeDB)
	f.plan().exits(10).keepsQuiet("not built") // db's system is on its host now
	f.deploy().exits(0)
	f.plan("--push").exits(0).keepsQuiet("would")
}

func TestPlanNamesKeys(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	value, other := secret(), secret()
	file := f.file([]byte(value))
	f.keys("web", map[string]map[string]any{"token": {"keyFile": file}, "old": text(other)})
	f.plan().exits(10).says("2 keys to write").keepsQuiet(value, other)
	f.deploy().exits(0)
	web.settled()
	same := web.staysTheSame()
	f.plan().exits(0).says("up to date").keepsQuiet(value, other)
	if err := os.WriteFile(file, []byte(value+"x"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.keys("web", map[string]map[string]any{"token": {"keyFile": file}})
	f.version("web", "1") // the keys' units are part of the system
	a := f.plan("--json").exits(10).keepsQuiet(value, other).planned()
	if k := a.Nodes[0].Keys; k == nil || !slices.Equal(k.Write, []string{"token"}) || !slices.Equal(k.Remove, []string{"/run/keys/old"}) {
		t.Errorf("keys: %+v", k)
	}
	f.plan("-v").exits(10).says("key to write: token", "key to remove: /run/keys/old")
	f.plan("--no-keys").exits(10).keepsQuiet("key to", "token")
	same()
}

func TestDeployAsksOnATerminal(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm", "db": "bookworm"})
	f.keys("web", map[string]map[string]any{"token": text(secret())})
	web, db := f.hosts["web"], f.hosts["db"]
	before, beforeDB := web.snapshot(), db.snapshot()

	p := f.startOnTerminal("deploy", "path:"+f.dir)
	p.asked("Activate these 2 nodes?", "no")
	p.wait().exits(1).says("nothing was activated", "on disk", "1 key to write")
	web.is(before)
	db.is(beforeDB)

	p = f.startOnTerminal("deploy", "path:"+f.dir)
	p.asked("Activate these 2 nodes?", "yes")
	p.wait().exits(0).says("deployed")
	web.runs(f.system("web"))

	f.version("web", "2")
	f.startOnTerminal("deploy", "path:"+f.dir).wait().exits(0).keepsQuiet("Activate these")
	f.version("web", "3")
	f.version("db", "3")
	f.startOnTerminal("deploy", "--yes", "path:"+f.dir).wait().exits(0).keepsQuiet("Activate these")
	db.runs(f.system("db"))
}

func TestPlanSaysWhyARebootIsNeeded(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	f.set("web", func(n *flakes.Node) { n.Kernel = "6.12.1" })
	f.run("build", "path:"+f.dir).exits(0)
	f.plan("-v").exits(10).says("reboot needed: kernel")
	f.deploy().exits(0)
	f.plan().exits(0).says("up to date", "reboot needed: kernel")
	f.run("reboot", "path:"+f.dir).exits(0)
	f.plan().exits(0).keepsQuiet("reboot needed")
	f.set("web", func(n *flakes.Node) { n.Kernel = "6.12.2" })
	f.run("build", "path:"+f.dir).exits(0)
	f.plan().exits(10).says("reboot needed: kernel 6.12.1 -> 6.12.2")

	// What NixOS refuses to switch to is known before it is tried.
	f.set("web", func(n *flakes.Node) { n.Inhibitors = []string{"dbus"} })
	f.run("deploy", "--reboot", "path:"+f.dir).exits(0)
	f.set("web", func(n *flakes.Node) { n.Inhibitors = []string{"dbus-broker"} })
	f.run("build", "path:"+f.dir).exits(0)
	f.plan().exits(10).says("reboot needed: switch inhibitors")
	f.deploy().exits(5).says("rolled back", "a pre-switch check failed")
	f.run("deploy", "--reboot", "path:"+f.dir).exits(0)
	f.plan().exits(0).keepsQuiet("reboot needed")
}

// A host that is not done with a deployment is said to be that.
func TestPlanTellsOfAnUnfinishedDeployment(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	f.deploy().exits(0)
	f.version("web", "2", "gate")
	p := f.start("deploy", "path:"+f.dir)
	web.reachesGate()
	f.run("plan", "path:"+f.dir).exits(10).says("deployment ", "is running there since")
	web.openGate()
	p.wait().exits(0)

	// As one whose agents were all killed, and its unit is gone.
	id := web.sh("cd /run/flakeops && ls -d 01* | tail -n 1")
	web.sh("sed -i 's/^{\"stage\":\"finished\"/{\"stage\":\"waiting\"/' /run/flakeops/" + id + "/state.json")
	f.run("plan", "path:"+f.dir).exits(10).says("deployment " + id + " was cut short there")
	f.deploy().exits(0)
	f.run("plan", "path:"+f.dir).exits(0).keepsQuiet("cut short")
}
