package host

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
)

// TestSuites boots a host of each suite and does to it what tests do to hosts.
func TestSuites(t *testing.T) {
	nix := map[string]string{"bookworm": "2.8", "trixie": "2.26", "sid": ""}
	lab := newTestLab(t)
	for _, suite := range Suites() {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			h := startHost(t, lab, Options{Name: "on-" + suite, Suite: suite})
			t.Run("login", func(t *testing.T) { testLogin(t, lab, h, nix[suite]) })
			t.Run("factory", func(t *testing.T) { testFactory(t, h) })
			t.Run("daemon", func(t *testing.T) { testDaemon(t, lab, h) })
			t.Run("cut", func(t *testing.T) { testCut(t, lab, h) })
			t.Run("reboot", func(t *testing.T) { testReboot(t, lab, h) })
			t.Run("power", func(t *testing.T) { testPower(t, lab, h) })
		})
	}
}

func testLogin(t *testing.T, lab *Lab, h *Host, nix string) {
	if got := mustLogin(t, lab, h.Name, "id -un; hostname"); got != "root\n"+h.Name+"\n" {
		t.Errorf("root at %s is %q", h.Name, got)
	}
	if got := mustLogin(t, lab, h.Addr(), "hostname"); got != h.Name+"\n" {
		t.Errorf("%s is %q", h.Addr(), got)
	}
	if got := mustLogin(t, lab, h.Name, "echo $SSH_CONNECTION"); !strings.HasPrefix(got, lab.Operator()+" ") {
		t.Errorf("connection is %q, want it from %s", got, lab.Operator())
	}
	if got := mustLogin(t, lab, h.Name, "nix --version"); !strings.HasPrefix(got, "nix (Nix) "+nix) {
		t.Errorf("nix is %q, want %s", got, nix)
	}
	if got := mustLogin(t, lab, "ops@"+h.Name, "id -un; sudo -n -- id -un"); got != "ops\nroot\n" {
		t.Errorf("ops is %q", got)
	}
	if out, err := login(t.Context(), lab, "opspw@"+h.Name, "sudo -n -- id -un"); err == nil {
		t.Errorf("opspw needs no password: %q", out)
	}
	if got := mustLogin(t, lab, "opspw@"+h.Name, "echo "+SudoPassword+" | sudo -S -p '' -- id -un"); got != "root\n" {
		t.Errorf("opspw is %q", got)
	}
}

func testFactory(t *testing.T, h *Host) {
	system := h.FactorySystem()
	if !strings.HasSuffix(system, "-"+factoryName) {
		t.Fatalf("the first system is %q", system)
	}
	for _, link := range []string{
		"/run/current-system", "/run/booted-system", "/boot/default-system", "/nix/var/nix/profiles/system",
	} {
		if got := strings.TrimSpace(shell(t, h, "readlink -f "+link)); got != system {
			t.Errorf("%s is %q, want %s", link, got, system)
		}
	}
	shell(t, h, "test -e /etc/NIXOS && nix-store --check-validity "+system+" && systemctl is-active "+FactoryUnit)
	if got := shell(t, h, "nix-env -p /nix/var/nix/profiles/system --list-generations | wc -l"); got != "1\n" {
		t.Errorf("there are %q generations", got)
	}
	if got := shell(t, h, "nix-store --gc --print-dead"); strings.Contains(got, system) {
		t.Errorf("the first system is garbage")
	}
	if got := shell(t, h, "systemctl is-system-running"); got != "running\n" {
		t.Errorf("the host is %q: %s", got, shell(t, h, "systemctl --failed"))
	}
}

// testDaemon makes sure that a user who may talk to the daemon is not trusted by it.
func testDaemon(t *testing.T, lab *Lab, h *Host) {
	got := mustLogin(t, lab, "ops@"+h.Name, "echo text >file && nix-store --check-validity $(nix-store --add file) && echo added")
	if got != "added\n" {
		t.Errorf("adding a file as a user: %q", got)
	}
	const unsigned = `echo unsigned >file && p=$(sudo nix-store --add file) && sudo nix-store --export $p >dump &&
sudo nix-store --delete --ignore-liveness $p >/dev/null 2>&1 && ! nix-store --import <dump 2>&1 && ! test -e $p`
	if got := mustLogin(t, lab, "ops@"+h.Name, unsigned); !strings.Contains(got, "signature") {
		t.Errorf("importing an unsigned path as a user: %q", got)
	}
}

func testCut(t *testing.T, lab *Lab, h *Host) {
	if err := h.Cut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, err := h.Status(t.Context()); err != nil || !s.Cut || !s.On {
		t.Errorf("status of a cut host: %+v, %v", s, err)
	}
	if out, err := login(t.Context(), lab, h.Name, "true"); err == nil || !strings.Contains(out, "timed out") {
		t.Errorf("a cut host answers, or its network says that it can't: %v: %q", err, out)
	}
	if got := shell(t, h, "hostname"); got != h.Name+"\n" {
		t.Errorf("a cut host is %q from within", got)
	}
	if err := h.Heal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := h.WaitSSH(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustLogin(t, lab, h.Name, "true")
}

func testReboot(t *testing.T, lab *Lab, h *Host) {
	before, err := h.BootID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	shell(t, h, "touch /root/kept /run/lost; nft add table inet lost")
	if err := h.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	after, err := h.BootID(t.Context())
	if err != nil || after == before || after == "" {
		t.Errorf("boot ID %q became %q, %v", before, after, err)
	}
	shell(t, h, "test -e /root/kept && ! test -e /run/lost && ! nft list table inet lost 2>/dev/null")
	mustLogin(t, lab, h.Name, "true")
}

// testPower also makes sure that what boots is the boot loader's default, not
// what ran before.
func testPower(t *testing.T, lab *Lab, h *Host) {
	other := strings.TrimSpace(shell(t, h, `set -e
cp -R /boot/default-system/. /root/other
mv /root/other/etc/systemd/system/`+FactoryUnit+` /root/other/etc/systemd/system/other.service
echo other.service >/root/other/etc/fleet/units
nix-store --add /root/other`))
	shell(t, h, "ln -sfn "+other+" /boot/default-system")
	if err := h.PowerOff(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, err := h.Status(t.Context()); err != nil || s.On {
		t.Errorf("status of a host that is off: %+v, %v", s, err)
	}
	if _, err := h.Shell(t.Context(), "true"); err == nil || !strings.Contains(err.Error(), "is off") {
		t.Errorf("a script on a host that is off: %v", err)
	}
	if err := h.PowerOff(t.Context()); err == nil {
		t.Error("a host that is off can be turned off")
	}
	if err := h.PowerOn(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(shell(t, h, "readlink /run/booted-system")); got != other {
		t.Errorf("%s booted, want %s", got, other)
	}
	shell(t, h, "systemctl is-active other.service && ! systemctl is-active "+FactoryUnit)

	shell(t, h, "ln -sfn "+h.FactorySystem()+" /boot/default-system")
	if err := h.PowerCut(t.Context()); err != nil {
		t.Fatal(err)
	}
	shell(t, h, "systemctl is-active "+FactoryUnit+" && ! systemctl is-active other.service")
	mustLogin(t, lab, h.Name, "true")
}

func TestScriptThatFails(t *testing.T) {
	h := startHost(t, newTestLab(t), Options{Name: "web"})
	out, err := h.Shell(t.Context(), "echo out; echo err >&2; exit 3")
	var failed *ScriptError
	if !errors.As(err, &failed) || failed.Code != 3 || failed.Stderr != "err\n" || failed.Host != "web" {
		t.Errorf("error is %v", err)
	}
	if out != "out\n" {
		t.Errorf("output is %q", out)
	}
}

// TestScriptsAtTheEnd ends a host while scripts run in it: a shutdown stops all
// processes before it kills them, and must not wait for the scripts' parents.
func TestScriptsAtTheEnd(t *testing.T) {
	h := startHost(t, newTestLab(t), Options{Name: "web"})
	ended := make(chan error, 1)
	run := func() {
		_, err := h.Shell(t.Context(), "touch /run/running; while :; do sleep 0.01; done")
		ended <- err
	}
	for name, end := range map[string]func(context.Context) error{"reboot": h.Reboot, "power cut": h.PowerCut} {
		shell(t, h, "rm -f /run/running")
		go run()
		shell(t, h, "until test -e /run/running; do sleep 0.01; done")
		if err := end(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := <-ended; err == nil {
			t.Errorf("%s: the script ended well", name)
		}
	}
}

func TestScriptInBackground(t *testing.T) {
	h := startHost(t, newTestLab(t), Options{Name: "web"})
	if got := shell(t, h, "sleep 600 & echo $!"); strings.TrimSpace(got) == "" {
		t.Error("the script said nothing")
	}
	shell(t, h, "pgrep -x sleep -a | grep -q 600")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, _ = h.Shell(t.Context(), "until test -e /run/running; do sleep 0.01; done")
		cancel()
	}()
	if _, err := h.Shell(ctx, "touch /run/running; sleep 601"); !errors.Is(err, context.Canceled) {
		t.Errorf("a script that was given up: %v", err)
	}
	shell(t, h, "while pgrep -x sleep -a | grep -q 601; do sleep 0.01; done")
}

func TestDiskLimit(t *testing.T) {
	h := startHost(t, newTestLab(t), Options{Name: "small", Suite: "sid", DiskSize: 64 << 20})
	out, err := h.Shell(t.Context(), "head -c 100M /dev/zero >/root/big")
	var failed *ScriptError
	if !errors.As(err, &failed) || !strings.Contains(failed.Stderr, "No space left") {
		t.Errorf("writing more than the disk has: %q, %v", out, err)
	}
	shell(t, h, "rm /root/big && head -c 10M /dev/zero >/root/big")
}

// TestBetweenHosts goes from host to host: by name within the lab, through a
// jump host, and with the operator's own files on a host that deploys.
func TestBetweenHosts(t *testing.T) {
	lab := newTestLab(t)
	file := t.TempDir() + "/bound file"
	if err := exec.Command("sh", "-c", `echo bound >"$1"`, "sh", file).Run(); err != nil {
		t.Fatal(err)
	}
	deployer := startHost(t, lab, Options{Name: "deployer", Suite: "sid", Deployer: true, Binds: []string{file}})
	target := startHost(t, lab, Options{Name: "target", Suite: "trixie"})

	if got := shell(t, deployer, "ssh -F "+lab.SSHConfig()+" target hostname"); got != "target\n" {
		t.Errorf("from the deployer, target is %q", got)
	}
	if got := shell(t, deployer, "getent hosts target"); !strings.HasPrefix(got, target.Addr()+" ") {
		t.Errorf("target is known as %q", got)
	}
	if got := mustLogin(t, lab, "-J", "deployer", "target", "echo $SSH_CONNECTION"); !strings.HasPrefix(got, deployer.Addr()+" ") {
		t.Errorf("through the jump host, the connection is %q", got)
	}
	if got := shell(t, deployer, "cat '"+file+"'"); got != "bound\n" {
		t.Errorf("the bound file is %q", got)
	}
	if out, err := target.Shell(t.Context(), "test -e "+lab.Key()); err == nil {
		t.Errorf("a host that is no deployer has the key: %s", out)
	}
}

func TestCopyIn(t *testing.T) {
	h := startHost(t, newTestLab(t), Options{Name: "web", Suite: "trixie"})
	from := t.TempDir()
	if err := exec.Command("sh", "-c", `mkdir -p "$1/a b" && echo x >"$1/a b/x" && chmod 755 "$1/a b/x" && ln -s x "$1/a b/link"`, "sh", from).Run(); err != nil {
		t.Fatal(err)
	}
	// /tmp of this suite is a mount of its own.
	if err := h.CopyIn(t.Context(), from, "/tmp/tree"); err != nil {
		t.Fatal(err)
	}
	if err := h.CopyIn(t.Context(), from+"/a b/x", "/run/new dir/x"); err != nil {
		t.Fatal(err)
	}
	shell(t, h, `test -x "/tmp/tree/a b/x" && test -L "/tmp/tree/a b/link" && test -x "/run/new dir/x" && test "$(cat "/run/new dir/x")" = x`)
	if err := h.CopyIn(t.Context(), from+"/missing", "/tmp/missing"); err == nil {
		t.Error("what is missing was copied")
	}
	if err := h.CopyIn(t.Context(), from, "relative"); err == nil {
		t.Error("copied to a relative path")
	}
}
