package e2e

import (
	"fmt"
	"strings"
	"testing"

	"flakeops/tests/flakes"
	"flakeops/tests/lab/host"
)

// Ways to a host other than root over a direct connection.

func TestUserWithSudoWithoutAPassword(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "trixie"})
	web := f.hosts["web"]
	f.setting("web", "targetUser", "ops")
	system := f.system("web")
	f.isNotTrusted(web, "ops", system)
	f.deploy().exits(0).says("deployed")
	web.runs(system)
}

func TestUserWithSudoWithAPassword(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "trixie"})
	web := f.hosts["web"]
	f.setting("web", "targetUser", "opspw")
	system := f.system("web")
	f.isNotTrusted(web, "opspw", system)
	before := web.snapshot()

	// Without a terminal there is nobody to ask.
	f.deploy().exits(8).says("web", "password", "terminal")
	web.is(before)

	p := f.startOnTerminal("deploy", "path:"+f.dir)
	p.asked("password", "not "+host.SudoPassword)
	p.asked("password", host.SudoPassword)
	r := p.wait().exits(0)
	if n := strings.Count(strings.ToLower(r.stdout), "password for"); n > 2 {
		t.Errorf("asked %d times, want once after the wrong answer:\n%s", n, r.stdout)
	}
	r.keepsQuiet(host.SudoPassword)
	web.runs(system)
	if web.holds("journalctl --no-pager | grep -qF " + host.SudoPassword) {
		t.Error("the password is in the host's journal")
	}
}

// isNotTrusted shows that the plain commands are refused: the path has no
// signature, and the user's word does not count.
func (f *fleet) isNotTrusted(m *machine, user, system string) {
	f.t.Helper()
	flakes.Nix(f.t, f.dir, "build", "--no-link", "path:"+f.dir+"#"+flakes.SystemAttr(m.Name))
	_, err := flakes.TryNix(f.t, f.dir, "copy", "--no-check-sigs", "--to",
		fmt.Sprintf("ssh-ng://%s@%s?ssh-key=%s", user, m.Addr(), f.lab.Key()), system)
	if err == nil {
		f.t.Errorf("%s trusts %s, so this test shows nothing", m.Name, user)
	}
	if m.holds("nix-store --check-validity " + system) {
		f.t.Fatalf("%s has the system already", m.Name)
	}
}

func TestThroughAJumpHost(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm", "gate": "bookworm"})
	web := f.hosts["web"]
	f.setting("web", "sshOptions", []string{"ProxyJump=gate"})
	web.sh(f.closed())
	system := f.system("web")
	f.deploy("--on", "web").exits(0).says("deployed")
	web.runs(system)

	// The confirm goes through the jump host, too.
	before := web.snapshot()
	f.version("web", "2", "drop-packets")
	f.deploy("--on", "web").exits(5).says("rolled back")
	web.is(before)
}

func TestChangedHostKeyIsRefusedAndNothingIsSent(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	system := f.system("web")
	before := web.snapshot()
	web.sh("rm /etc/ssh/ssh_host_*; ssh-keygen -q -A; systemctl restart ssh; while ! systemctl is-active --quiet ssh; do :; done")
	f.deploy().exits(8).says("web", f.lab.KnownHosts()+":", "ssh-keygen -R")
	web.is(before)
	if web.holds("[ -e " + system + " ]") {
		t.Error("the system was sent to a host that is not known")
	}
	web.letNobodyIn()
}

func TestChangedAddressStillConfirms(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm", "gate": "bookworm"})
	web := f.hosts["web"]
	f.also = fmt.Sprintf("Host web-elsewhere\n\tHostName %s\n\tUser root\n\tIdentityFile %s\n\tUserKnownHostsFile %s\n\tProxyJump gate\n",
		web.Addr(), f.lab.Key(), f.lab.KnownHosts())
	f.setting("web", "alternateHosts", []string{"nowhere.invalid", "web-elsewhere"})
	f.setting("web", "confirmTimeout", 30) // two more handshakes, on a machine that is busy
	system := f.version("web", "1", "gate")
	p := f.start("deploy", "path:"+f.dir, "--on", "web")
	web.reachesGate()
	// From now on the host is found only where the deployer did not find it before.
	web.sh(f.closed())
	web.sh("touch /run/fleet/go")
	p.wait().exits(0).says("deployed")
	web.runs(system)
}

// closed is a script after which a host drops the operator's packets, but no
// other host's.
func (f *fleet) closed() string {
	return fmt.Sprintf(`nft -f - <<-END
		table inet guard {
			chain in {
				type filter hook input priority 0;
				ip saddr %s tcp dport 22 drop
			}
		}
	END`, f.lab.Operator())
}

func TestDeployerWithTheNewestNixDeploysToAll(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm", "db": "trixie", "edge": "sid"})
	h, err := f.lab.Start(t.Context(), host.Options{Name: "desk", Suite: "sid", Deployer: true, Binds: []string{binary, f.dir}})
	if err != nil {
		t.Fatal(err)
	}
	desk := &machine{t: t, Host: h}
	if v := desk.sh("nix --version"); !strings.Contains(v, "2.34") {
		t.Fatalf("the deployer has %s", v)
	}
	script := fmt.Sprintf("HOME=/root NIX_SSHOPTS='-F %s' %s deploy path:%s 2>&1", f.lab.SSHConfig(), binary, f.dir)
	out := desk.sh(script)
	if !strings.Contains(out, "deployed") {
		t.Errorf("%s", out)
	}
	for name, m := range f.hosts {
		if got := m.lastOutcome(); got != "deployed" {
			t.Errorf("%s: outcome %q\n%s", name, got, out)
		}
		if got := m.snapshot(); got.Version != "1" || got.Current != "system-2-link" || got.Running != got.Boot {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if out := desk.sh(script); strings.Count(out, "up to date") < 3 {
		t.Errorf("the same again: %s", out)
	}
}
