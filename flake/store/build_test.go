package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flakeops/flake/nix"
	"flakeops/flake/nix/nixtest"
)

// events records what Build reports, and checks what always holds.
type events struct {
	list []BuildEvent
	on   func(BuildEvent)
}

func (e *events) add(ev BuildEvent) {
	e.list = append(e.list, ev)
	if e.on != nil {
		e.on(ev)
	}
}

// end is how a node ended: its event, and a test failure unless there is one only.
func (e *events) end(t *testing.T, node string) BuildEvent {
	t.Helper()
	var ends []BuildEvent
	for _, ev := range e.list {
		if ev.Node == node && (ev.Kind == BuildBuilt || ev.Kind == BuildFailed) {
			ends = append(ends, ev)
		}
	}
	if len(ends) != 1 {
		t.Fatalf("node %s ended %d times: %+v", node, len(ends), ends)
	}
	return ends[0]
}

func (e *events) failure(t *testing.T, node string) *BuildError {
	t.Helper()
	var be *BuildError
	if ev := e.end(t, node); ev.Kind != BuildFailed || !errors.As(ev.Err, &be) || be.Node != node {
		t.Fatalf("node %s: %+v", node, ev)
	}
	return be
}

func (e *events) logged(node, line string) bool {
	return slices.ContainsFunc(e.list, func(ev BuildEvent) bool {
		return ev.Kind == BuildLog && ev.Node == node && ev.Line == line && strings.HasSuffix(ev.Derivation, ".drv")
	})
}

func values(m map[string]Job) []Job {
	var all []Job
	for _, n := range m {
		all = append(all, n)
	}
	return all
}

func TestBuildFailuresAndSuccesses(t *testing.T) {
	n, ctx := local(t)
	all := nodes(t, n, ctx, nixtest.Flake(t, `
		ok = system "ok" "echo ok here; : $dep; echo > $out" { dep = drv "shared" "echo shared here; echo > $out" { }; };
		ok2 = system "ok2" "echo > $out" { dep = drv "shared" "echo shared here; echo > $out" { }; };
		twin = system "ok" "echo ok here; : $dep; echo > $out" { dep = drv "shared" "echo shared here; echo > $out" { }; };
		bad = system "bad" "echo one; echo two >&2; exit 3" { };
		needy = system "needy" "echo > $out" { dep = drv "broken" "echo 'compiling'; echo 'no such header'; exit 4" { }; };
		needy2 = system "needy2" "echo > $out" { dep = drv "between" "echo > $out" { dep = drv "broken" "echo 'compiling'; echo 'no such header'; exit 4" { }; }; };
		nothing = system "nothing" "exit 0" { };
		"we ird" = plain "weird";
	`))
	var ev events
	if err := n.Build(ctx, values(all), ev.add); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ok", "ok2", "twin", "we ird"} {
		if e := ev.end(t, name); e.Kind != BuildBuilt {
			t.Errorf("%s: %+v", name, e)
		}
		if _, err := os.Stat(all[name].Out); err != nil {
			t.Error(err)
		}
	}
	if e := ev.failure(t, "bad"); e.Drv != all["bad"].Drv || !slices.Equal(e.Log, []string{"one", "two"}) ||
		!strings.Contains(e.Error(), "failed with exit code 3") ||
		!strings.Contains(e.Error(), "\n  > two\nsee `nix log /nix/store/") {
		t.Errorf("bad: %v", e)
	}
	for _, name := range []string{"needy", "needy2"} {
		e := ev.failure(t, name)
		if drvName(e.Drv) != "broken.drv" || !slices.Equal(e.Log, []string{"compiling", "no such header"}) ||
			!strings.Contains(e.Error(), "it needs broken.drv: ") {
			t.Errorf("%s: %v", name, e)
		}
	}
	if e := ev.failure(t, "nothing"); !strings.Contains(e.Reason, "output") {
		t.Errorf("nothing: %v", e)
	}
	if !ev.logged("", "shared here") || !ev.logged("", "ok here") || !ev.logged("bad", "two") || !ev.logged("", "compiling") {
		t.Errorf("log lines with their nodes: %+v", ev.list)
	}
	if i := slices.IndexFunc(ev.list, func(e BuildEvent) bool { return e.Kind == BuildStarted && e.Node == "bad" }); i < 0 {
		t.Error("bad was not seen to start")
	}

	// What is there already is reported without building anything.
	var again events
	if err := n.Build(ctx, []Job{all["ok"], all["twin"]}, again.add); err != nil {
		t.Fatal(err)
	}
	if len(again.list) != 2 || again.end(t, "ok").Kind != BuildBuilt || again.end(t, "twin").Kind != BuildBuilt {
		t.Errorf("again: %+v", again.list)
	}
}

// The slow node's build ends only when the quick one has been reported.
func TestBuildHandsNodesOnAtOnce(t *testing.T) {
	n, ctx := local(t)
	n.Flags = []string{"--max-jobs", "2"}
	gate := filepath.Join(t.TempDir(), "gate")
	all := nodes(t, n, ctx, nixtest.Flake(t, fmt.Sprintf(`
		quick = plain "quick";
		slow = system "slow" "until [ -e %s ]; do /bin/sleep 0.05; done; echo > $out" { };
	`, gate)))
	ev := events{on: func(e BuildEvent) {
		if e.Kind == BuildBuilt && e.Node == "quick" {
			if err := os.WriteFile(gate, nil, 0o600); err != nil {
				t.Error(err)
			}
		}
	}}
	if err := n.Build(ctx, values(all), ev.add); err != nil {
		t.Fatal(err)
	}
	if last := ev.list[len(ev.list)-1]; last.Node != "slow" || last.Kind != BuildBuilt {
		t.Errorf("the last event is %+v", last)
	}
}

// Some versions of nix end at once when a derivation is for another platform.
func TestBuildForAnotherPlatform(t *testing.T) {
	n, ctx := local(t)
	all := nodes(t, n, ctx, nixtest.Flake(t, `
		here = plain "here";
		there = system "there" "echo > $out" { system = "riscv64-linux"; };
		needs = system "needs" "echo > $out" { dep = drv "foreign" "echo > $out" { system = "riscv64-linux"; }; };
	`))
	var ev events
	if err := n.Build(ctx, values(all), ev.add); err != nil {
		t.Fatal(err)
	}
	if e := ev.end(t, "here"); e.Kind != BuildBuilt {
		t.Errorf("%+v", e)
	}
	if e := ev.failure(t, "there"); !strings.Contains(e.Error(), "riscv64-linux") || e.Drv != all["there"].Drv ||
		!strings.Contains(e.Error(), "--builders") || strings.Contains(e.Error(), "nix log") {
		t.Errorf("%v", e)
	}
	if e := ev.failure(t, "needs"); !strings.Contains(e.Error(), "riscv64-linux") || drvName(e.Drv) != "foreign.drv" {
		t.Errorf("%v", e)
	}
}

func TestBuildLongLines(t *testing.T) {
	n, ctx := local(t)
	all := nodes(t, n, ctx, nixtest.Flake(t, `
		long = system "long" "printf '%01000000d' 1; echo; printf '\\033[31mred\\033[0m\\n'; echo end; exit 1" { };`))
	var ev events
	if err := n.Build(ctx, values(all), ev.add); err != nil {
		t.Fatal(err)
	}
	e := ev.failure(t, "long")
	if last := e.Log[len(e.Log)-2:]; !slices.Equal(last, []string{"red", "end"}) {
		t.Errorf("log %.200q", e.Log)
	}
	if len(e.Error()) > 10*600 {
		t.Errorf("an error of %d bytes", len(e.Error()))
	}
}

func TestBuildEndsWithItsContext(t *testing.T) {
	n, ctx := local(t)
	all := nodes(t, n, ctx, nixtest.Flake(t, `slow = system "slow" "echo begun; /bin/sleep 600" { };`))
	ctx, cancel := context.WithCancelCause(ctx)
	stop := errors.New("enough")
	ev := events{on: func(e BuildEvent) {
		if e.Kind == BuildLog {
			cancel(stop)
		}
	}}
	if err := n.Build(ctx, values(all), ev.add); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
	for _, e := range ev.list {
		if e.Kind == BuildFailed || e.Kind == BuildBuilt {
			t.Errorf("reported %+v", e)
		}
	}
}

func TestBuildWithABrokenNix(t *testing.T) {
	const hash = "/nix/store/00000000000000000000000000000000-x"
	node := Job{"a", hash + ".drv", hash}
	// Every query says invalid; the build itself ends as each script does.
	for script, want := range map[string]string{
		"echo 'error: cannot connect to the daemon' >&2; exit 1": "cannot connect to the daemon",
		"exit 0":                               "its output is not in the store",
		"kill -9 $$":                           "killed",
		"echo '@nix {\"action\":' >&2; exit 1": "exit status 1",
		"printf '@nix {\"action\":\"msg\",\"level\":0,\"msg\":\"error: disk is full\"}\\n' >&2; exit 1": "disk is full",
	} {
		nixtest.Fake(t, `case "$*" in *--check-validity*) echo `+hash+`;; *--query*) ;; *) `+script+`;; esac`)
		var ev events
		if err := (Local{&nix.Programs{}}).Build(t.Context(), []Job{node}, ev.add); err != nil {
			t.Errorf("%s: %v", script, err)
			continue
		}
		if e := ev.failure(t, "a"); !strings.Contains(e.Error(), want) {
			t.Errorf("%s: %v, want %q", script, e, want)
		}
	}
	t.Setenv("PATH", t.TempDir())
	if err := (Local{&nix.Programs{}}).Build(t.Context(), []Job{node}, func(BuildEvent) {}); err == nil || !strings.Contains(err.Error(), "nix-store is not in PATH") {
		t.Errorf("%v", err)
	}
}
