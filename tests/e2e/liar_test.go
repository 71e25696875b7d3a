package e2e

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// leftNothing asserts that no socket and no root of the run is left here.
func (p *process) leftNothing() {
	p.t.Helper()
	for _, e := range p.Cmd.Env {
		name, dir, _ := strings.Cut(e, "=")
		if name != "XDG_RUNTIME_DIR" && name != "HOME" {
			continue
		}
		left, err := filepath.Glob(filepath.Join(dir, "flakeops-*"))
		roots, err2 := filepath.Glob(filepath.Join(dir, ".cache/flakeops/roots/*/*"))
		if err != nil || err2 != nil || len(left)+len(roots) > 0 {
			p.t.Errorf("left behind: %q, %q", left, roots)
		}
	}
}

// A host that shows that it is alive, and nothing more, holds no run for ever.
func TestHostThatOnlyBeatsIsGivenUpByASecondSignal(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	before := web.snapshot()
	f.speaker(`if [ "$verb" ]; then opened "$@"; while echo '{"kind":"heartbeat"}'; do sleep 0.2; done; exit; fi`)
	p := f.start("deploy", "path:"+f.dir)
	p.says("web: starting the agent")
	p.signal(syscall.SIGTERM)
	p.says("asking the host to go back")
	p.signal(syscall.SIGTERM)
	r := p.wait().exits(6).says("interrupted twice")
	if !strings.Contains(r.stdout, "unknown") {
		t.Errorf("the table is %q", r.stdout)
	}
	isOrderly(r)
	p.leftNothing()
	web.is(before)
}

// What a host prints steers nobody, not even who reads a document.
func TestControlCharactersOfAHostDoNotReachReaders(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	f.speaker(`if [ "$verb" ]; then opened "$@"; echo '{"seq":1,"kind":"finished","outcome":"rolled back","message":"a\u001b[2Jb\u0007c\u009bd\re"}'; exit; fi`)
	for _, args := range [][]string{{}, {"--json"}} {
		r := f.deploy(args...).exits(5).says("rolled back")
		isOrderly(r)
		if len(args) > 0 {
			if a := r.node("web"); strings.ContainsAny(a.Error, "\x1b\a\r\u009b") {
				t.Errorf("error %q", a.Error)
			}
		}
	}
}

// One session at a time is enough, also to have the host go back.
func TestHostThatAllowsOneSession(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	web.sh("sed -i '1i MaxSessions 1' /etc/ssh/sshd_config && systemctl restart ssh")
	f.keys("web", map[string]map[string]any{"token": text(secret())})
	for _, version := range []string{"1", "2", "3"} {
		system := f.version("web", version)
		f.deploy().exits(0).says("deployed")
		web.runs(system)
	}
	before := web.snapshot()
	f.setting("web", "activationTimeout", 600)
	f.version("web", "4", "gate")
	p := f.start("deploy", "path:"+f.dir)
	web.reachesGate()
	p.signal(syscall.SIGTERM)
	p.wait().exits(130).says("rolled back")
	web.settled()
	web.is(before)
}

func TestDryActivationThatFailsTellsWhy(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	f.version("web", "1", "precheck-fails")
	r := f.deploy("--dry-activate").exits(1).says("exit status 1")
	if !strings.Contains(r.stderr, "Pre-switch checks failed") {
		t.Errorf("stderr is %s", r.stderr)
	}
	f.version("web", "2")
	f.hosts["web"].sh("mkdir -p /run/nixos; flock /run/nixos/switch-to-configuration.lock sleep 600 >/dev/null 2>&1 & while flock -n /run/nixos/switch-to-configuration.lock true; do :; done")
	f.deploy("--dry-activate").exits(8).says("refused: another switch-to-configuration is running on the host")
}
