package flakes_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"flakeops/tests/flakes"
	"flakeops/tests/lab/host"
)

// box is a real host that holds the systems of a fleet.
type box struct {
	t       *testing.T
	host    *host.Host
	config  string            // ssh_config
	systems map[string]string // store path by node; "factory" is what the host came with
}

// newBox boots a host and copies the nodes' systems to it.
func newBox(t *testing.T, suite string, nodes map[string]flakes.Node) *box {
	t.Helper()
	ctx := t.Context()
	lab, err := host.New(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lab.Close(); err != nil {
			t.Errorf("taking the lab down: %v", err)
		}
	})
	h, err := lab.Start(ctx, host.Options{Name: "box", Suite: suite})
	if err != nil {
		t.Fatal(err)
	}
	b := &box{t: t, host: h, config: lab.SSHConfig(), systems: map[string]string{}}
	dir := flakes.Fleet(t, nodes)
	decode(t, flakes.Nix(t, dir, "eval", "--json", ".#nixosConfigurations", "--apply",
		"builtins.mapAttrs (name: c: c.config.system.build.toplevel.outPath)"), &b.systems)
	// One by one: nix 2.8 holds the locks of systems that wait to be built, so that two
	// which are asked for several of the same may wait for each other for ever.
	for _, name := range slices.Sorted(maps.Keys(nodes)) {
		flakes.Nix(t, dir, "build", "--no-link", ".#"+flakes.SystemAttr(name))
	}
	send := exec.CommandContext(ctx, "nix", "copy", "--no-check-sigs", "--to", "ssh://box")
	for _, system := range b.systems {
		send.Args = append(send.Args, system)
	}
	send.Env = append(os.Environ(), append(host.NixEnv(), "NIX_SSHOPTS=-F "+b.config)...)
	if out, err := send.CombinedOutput(); err != nil {
		t.Fatalf("nix copy: %v\n%s", err, out)
	}
	b.systems["factory"] = h.FactorySystem()
	return b
}

// sh runs a script on the host that has to succeed.
func (b *box) sh(script string) string {
	b.t.Helper()
	out, err := b.host.Shell(b.t.Context(), script)
	if err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
	return strings.TrimSpace(out)
}

// goal brings a node's system to a goal; it returns the exit status and what
// was said.
func (b *box) goal(name, goal string) (int, string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	defer cancel()
	profile := ""
	if goal == "switch" || goal == "boot" { // only a generation can be booted
		profile = "nix-env -p /nix/var/nix/profiles/system --set " + b.systems[name] + " && "
	}
	out, err := b.host.Shell(ctx, profile+b.systems[name]+"/bin/switch-to-configuration "+goal+" 2>&1")
	var failed *host.ScriptError
	if err != nil && !errors.As(err, &failed) {
		b.t.Fatalf("%s %s: %v", name, goal, err)
	}
	if failed != nil {
		return failed.Code, out
	}
	return 0, out
}

// reach brings a node's system to a goal without ado.
func (b *box) reach(name, goal string) string {
	b.t.Helper()
	code, out := b.goal(name, goal)
	if code != 0 {
		b.t.Fatalf("%s %s: exit %d: %s", name, goal, code, out)
	}
	return out
}

// is checks which systems run and would boot.
func (b *box) is(running, boot string) {
	b.t.Helper()
	got := strings.Fields(b.sh("readlink /run/current-system /boot/default-system"))
	want := []string{b.systems[running], b.systems[boot]}
	if !slices.Equal(got, want) {
		b.t.Errorf("running and boot default: got %q, want %q", got, want)
	}
}

// start begins to bring a node's system to a goal and waits for a file that
// its fault writes. The unit is named goal.service.
func (b *box) start(name, goal, file string) {
	b.t.Helper()
	b.sh("nix-env -p /nix/var/nix/profiles/system --set " + b.systems[name])
	b.sh("systemd-run --quiet --collect --unit=goal -p TimeoutStopSec=2 " + b.systems[name] + "/bin/switch-to-configuration " + goal)
	b.sh("for i in $(seq 200); do [ ! -e " + file + " ] || exit 0; sleep 0.05; done; exit 1")
}

// finish waits until what start began has ended.
func (b *box) finish() {
	b.t.Helper()
	b.sh("for i in $(seq 200); do systemctl is-active --quiet goal || exit 0; sleep 0.05; done; exit 1")
}

// reachable says whether a new SSH connection succeeds.
func (b *box) reachable() bool {
	cmd := exec.CommandContext(b.t.Context(), "ssh", "-F", b.config, "-o", "ConnectTimeout=1", "-o", "ConnectionAttempts=1", "box", "true")
	return cmd.Run() == nil
}

// line is an SSH connection that echoes.
type line struct {
	in  io.Writer
	out <-chan string
}

func (b *box) connect() line {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	cmd := exec.CommandContext(ctx, "ssh", "-F", b.config, "box", "cat")
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		b.t.Fatal(err)
	}
	lines := make(chan string, 16)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	b.t.Cleanup(func() {
		cancel()
		<-ended
		_ = cmd.Wait() // killed
	})
	l := line{in, lines}
	if !l.alive(10 * time.Second) {
		b.t.Fatal("ssh to the host does not work")
	}
	return l
}

// alive says whether the connection still echoes within a time.
func (l line) alive(patience time.Duration) bool {
	if _, err := io.WriteString(l.in, "x\n"); err != nil {
		return false
	}
	select {
	case _, ok := <-l.out:
		return ok
	case <-time.After(patience):
		return false
	}
}

func TestMain(m *testing.M) {
	if err := host.Ensure(context.Background(), zerolog.New(os.Stderr)); err != nil {
		_, _ = os.Stderr.WriteString("lab: " + err.Error() + "\n")
		os.Exit(1)
	}
	os.Exit(m.Run())
}
