package e2e

import (
	"strings"
	"testing"

	"flakeops/tests/flakes"
)

// Hosts that cannot take a system: the operator is told why before anything is
// built for nothing or sent, and the host is left alone.

func TestHostsThatCannotTakeASystem(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	before := web.snapshot()
	for _, c := range []struct {
		name  string
		spoil string // script that takes something away
		mend  string // script that brings it back
		says  []string
	}{
		{
			"nix is missing", "mkdir /root/away; mv $(command -v nix-store) /root/away/", "mv /root/away/nix-store /usr/bin/; rmdir /root/away",
			[]string{"nix-store is not found on the host", "install Nix"},
		},
		{
			"systemd is not running", "mv /run/systemd/system /run/systemd/away", "mv /run/systemd/away /run/systemd/system",
			[]string{"systemd is not running on the host", "NixOS systems only"},
		},
		{
			"no running system", "mv /run/current-system /root/away", "mv -T /root/away /run/current-system",
			[]string{"the host is not running NixOS", "install NixOS"},
		},
		{
			"not a store path", "mv /run/current-system /root/away; mkdir /opt/system; ln -s /opt/system /run/current-system",
			"rm /run/current-system; mv -T /root/away /run/current-system",
			[]string{"/run/current-system", "/opt/system", "not a store path"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := f.at(t)
			web.sh(c.spoil)
			for _, verb := range [][]string{{"deploy"}, {"deploy", "--dry-activate"}, {"push"}} {
				f.run(append(verb, "path:"+f.dir)...).exits(1).says(append(c.says, "web")...).keepsQuiet("pushing", "activating")
			}
			web.sh(c.mend)
			web.is(before)
			web.hasNoTraces()
			if web.holds("[ -e " + f.system("web") + " ]") {
				t.Error("the system was sent")
			}
		})
	}
	f.deploy().exits(0)
	web.runs(f.system("web"))
}

func TestWrongArchitecture(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	before := web.snapshot()
	for _, system := range []string{"aarch64-linux", "riscv64-linux", "x86_64-darwin"} {
		f.set("web", func(n *flakes.Node) { n.System = system })
		f.deploy().exits(1).says("web", "wrong architecture", system, "Linux x86_64", "check nixpkgs.hostPlatform or targetHost").
			keepsQuiet("pushing", "activating")
	}
	web.is(before)
	web.hasNoTraces()
}

// One host that cannot take its system holds the others, too.
func TestOneUnfitHostHoldsTheOthers(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm", "db": "bookworm"})
	web, db := f.hosts["web"], f.hosts["db"]
	before := web.snapshot()
	db.sh("rm /run/current-system")
	f.deploy().exits(1).says("db", "not running NixOS", "not started")
	web.is(before)
	f.deploy("--keep-going").exits(1).says("not running NixOS", "deployed")
	web.runs(f.system("web"))
	db.hasNoTraces()
}

// What the facts do not show is found by the agent, which then undoes what it
// has begun.
func TestHostsOnWhichNoUnitCanBeStarted(t *testing.T) {
	for _, c := range []struct{ name, spoil, mend, says string }{
		{
			"systemd-run is missing", "mkdir /root/away; mv $(command -v systemd-run) /root/away/", "mv /root/away/systemd-run /usr/bin/",
			"systemd-run",
		},
		{
			"systemd-run fails", "mv $(command -v systemd-run) /root/; printf '#!/bin/sh\\necho \"Failed to connect to bus: no\" >&2; exit 1' >/usr/bin/systemd-run; chmod +x /usr/bin/systemd-run",
			"mv /root/systemd-run /usr/bin/", "Failed to connect to bus",
		},
		{
			"/run is read-only", "mkdir -p /run/flakeops; mount -t tmpfs -o ro,mode=755 none /run/flakeops", "umount /run/flakeops; rmdir /run/flakeops",
			"read-only file system",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFleet(t, map[string]string{"web": "bookworm"})
			web := f.hosts["web"]
			before := web.snapshot()
			web.sh(c.spoil)
			f.deploy().exits(8).says("web", "refused", c.says)
			web.sh(c.mend)
			web.is(before)
			if out := web.sh("ls /run/flakeops 2>/dev/null || :"); strings.TrimSpace(out) != "" {
				t.Errorf("left behind in /run/flakeops: %s", out)
			}
			f.deploy().exits(0)
			web.runs(f.system("web"))
		})
	}
}

// Nothing is begun that could not be taken back.
func TestHostThatCouldNotGoBackIsRefused(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	before := web.snapshot()
	script := web.FactorySystem() + "/bin/switch-to-configuration"
	web.sh("chmod -x " + script)
	f.deploy().exits(8).says("web", "could not go back", script, "--no-magic-rollback together with --no-auto-rollback")
	web.is(before)
	f.deploy("--no-magic-rollback", "--no-auto-rollback").exits(0).says("deployed")
	web.runs(f.system("web"))
}

// Somebody on the host activates something by hand: that is left alone, and the
// keys that it may need.
func TestHostOnWhichSomebodySwitchesIsRefused(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	kept := secret()
	f.keys("web", map[string]map[string]any{"token": text(kept)})
	f.deploy().exits(0)
	before := web.snapshot()
	web.sh("systemd-run --quiet --unit=somebody flock /run/nixos/switch-to-configuration.lock sleep infinity")
	eventually(t, "somebody has the lock", func() bool {
		return !web.holds("flock --nonblock /run/nixos/switch-to-configuration.lock true")
	})
	f.keys("web", map[string]map[string]any{"token": text(secret())})
	f.version("web", "2")
	f.deploy().exits(8).says("web", "refused", "somebody runs switch-to-configuration on this host: wait for it to end")
	web.is(before)
	web.holdsKey("/run/keys/token", []byte(kept), "root:root", "400")
	web.sh("systemctl stop somebody")
	f.deploy().exits(0)
	web.runs(f.system("web"))
}

// systemd's answer can get lost while it does what it was asked for.
func TestUnitThatWasStartedAfterAllIsFollowed(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	must(t, writeIn(web, "/usr/local/bin/systemd-run", "#!/bin/sh\n/usr/bin/systemd-run \"$@\"\necho 'Connection reset by peer' >&2\nexit 1\n"))
	web.sh("chmod 755 /usr/local/bin/systemd-run")
	f.deploy().exits(0).says("deployed")
	web.runs(f.system("web"))
}

// What became root is not root, or there is nothing that could.
func TestPrivilegeEscalationThatDoesNotWork(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	before := web.snapshot()
	f.setting("web", "targetUser", "ops")
	for _, c := range []struct {
		name    string
		command []string
		code    int
		says    []string
	}{
		{"not there", []string{"doas-or-so"}, 8, []string{"ops could not become root", "doas-or-so: not found"}},
		{"refuses", []string{"false"}, 8, []string{`ops could not become root with "false"`}},
		{"stays who it is", []string{"env"}, 8, []string{"commands run there as user", "instead of root"}},
		{"a shell line", []string{"sudo; touch touched"}, 8, []string{"ops could not become root", "not found"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := f.at(t)
			f.setting("web", "privilegeEscalationCommand", c.command)
			f.deploy().exits(c.code).says(append(c.says, "web", "check deployment.privilegeEscalationCommand")...)
			web.is(before)
			web.hasNoTraces()
			if web.holds("[ -e /home/ops/touched ]") {
				t.Error("a shell read the command")
			}
		})
	}
}

func TestUserWhoMayNotRunCommands(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	f.setting("web", "targetUser", "ops")
	before := web.snapshot()
	for shell, says := range map[string]string{
		"/usr/sbin/nologin": "This account is currently not available", "/bin/false": "login shell of ops", "/nowhere": "ops",
	} {
		web.sh("usermod --shell " + shell + " ops")
		r := f.deploy()
		if r.code == 0 {
			t.Errorf("%s: deployed", shell)
		}
		r.says("web", says).keepsQuiet("panic", "pushing")
	}
	web.is(before)
	web.hasNoTraces()
}

// The store on the host does not speak nix's protocol.
func TestHostWhoseStoreSpeaksGarbage(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	before := web.snapshot()
	web.sh("rm /usr/bin/nix-store; ln -s /usr/bin/nix /root/nix-store")
	for name, c := range map[string]struct{ script, says string }{
		"text":       {"echo 'Welcome to this store!'; exit", "web"},
		"endless":    {"exec cat /dev/zero", "web"},
		"nothing":    {"exit 0", "web"},
		"a refusal":  {"echo 'no entry for you' >&2; exit 3", "no entry for you"},
		"cut in two": {"head -c 8 | /root/nix-store \"$@\" | head -c 10; exit", "web"},
	} {
		t.Run(name, func(t *testing.T) {
			must(t, writeIn(web, "/usr/bin/nix-store", "#!/bin/sh\nif [ \"$1\" = --serve ]; then "+c.script+"; fi\nexec /root/nix-store \"$@\"\n"))
			web.sh("chmod 755 /usr/bin/nix-store")
			p := f.at(t).start("deploy", "path:"+f.dir).usesLess(300 << 20)
			r := p.wait().exits(4).says("web: push failed: nix copy", c.says)
			isOrderly(r)
		})
	}
	web.is(before)
	web.hasNoTraces()
	web.sh("ln -sf /usr/bin/nix /usr/bin/nix-store")
	f.deploy().exits(0)
	web.runs(f.system("web"))
}
