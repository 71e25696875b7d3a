package e2e

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"flakeops/tests/flakes"
)

// A deployer that lacks its tools, or whose nix does not answer as nix does.

func TestProgramMissingOnTheDeployer(t *testing.T) {
	for _, c := range []struct {
		missing string
		code    int
		says    []string
	}{
		{"nix", 2, []string{"nix is not in PATH", "install Nix"}},
		{"nix-store", 3, []string{"web", "nix-store is not in PATH", "install Nix"}},
		{"ssh", 1, []string{"web", "ssh is not in PATH", "install OpenSSH"}},
	} {
		t.Run(c.missing, func(t *testing.T) {
			f := newFleet(t, nil)
			d := newDecoy(t)
			f.nodes["web"] = flakes.Node{Deployment: d.settings()}
			f.write()
			same := keeps(t, f.dir)
			path := f.pathWithout(c.missing)
			verb := "deploy"
			if c.missing == "nix-store" {
				verb = "build" // before deploy notices, it may have dialled
			}
			r := f.startEnv([]string{"PATH=" + path}, verb, "path:"+f.dir).wait().exits(c.code).says(c.says...)
			isOrderly(r)
			same()
			d.isUntouched()
		})
	}
}

// corruptions are what may come instead of nix's answer, as ends of a shell
// line that begins with nix itself.
func corruptions() map[string]string {
	return map[string]string{
		"nothing":       `true`,
		"truncated":     `"$real" "$@" | head -c 4`,
		"one byte less": `"$real" "$@" | tr -d '\n' | sed 's/.$//'`,
		"more after it": `"$real" "$@"; echo '{}'`,
		"noise before":  `echo 'Welcome!'; "$real" "$@"`,
		"a number":      `echo 42`,
		"null":          `echo null`,
		"a list":        `echo '[[{}]]'`,
		"an empty set":  `echo '{}'`,
		"HTML":          `echo '<html><body>Bad Gateway</body></html>'`,
		"bytes":         `printf '\000\377\033[2J\376'`,
		"a deep list":   `head -c 60000000 /dev/zero | tr '\000' '['`,
		"endless":       `exec cat /dev/zero`,
	}
}

func TestCorruptAnswersOfNix(t *testing.T) {
	f := newFleet(t, nil)
	d := newDecoy(t)
	f.nodes["web"] = flakes.Node{Deployment: d.settings()}
	f.setting("web", "tags", []string{"tagged"})
	same := keeps(t, f.dir)
	for stage, pattern := range map[string]string{
		"metadata": `*"flake metadata"*`, "names": `*").names --no-update"*`, "evaluation": `*').node "'*`, "tags": `*').tags "'*`,
	} {
		for name, script := range corruptions() {
			t.Run(stage+"/"+name, func(t *testing.T) {
				at := f.at(t)
				path := at.program("nix", fmt.Sprintf(`case "$*" in %s) %s; exit ;; esac; exec "$real" "$@"`, pattern, script))
				args := []string{"deploy", "path:" + f.dir}
				code, says := 2, []string{"nix"}
				switch stage {
				case "evaluation":
					says = []string{"web: evaluation failed: "}
				case "tags":
					// Nobody knows whether the node is selected.
					args = append(args, "--on", "@x")
					says = []string{"no node has the tag x", "node web cannot be evaluated", "exclude it by its name"}
				}
				p := at.startEnv([]string{"PATH=" + path}, args...).usesLess(300 << 20)
				isOrderly(p.wait().exits(code).says(says...))
			})
		}
	}
	same()
	d.isUntouched()
}

func TestNixThatFails(t *testing.T) {
	f := newFleet(t, nil)
	d := newDecoy(t)
	f.nodes["web"] = flakes.Node{Deployment: d.settings()}
	f.write()
	for name, c := range map[string]struct{ script, says string }{
		"silently":   {`exit 7`, "exit status 7"},
		"with noise": {`head -c 3000000 /dev/zero | tr '\000' x >&2; exit 1`, "xxx"},
		"by signal":  {`kill -KILL $$`, "killed"},
		"an escape":  {`printf '\033[2J\033]0;title\007error: no luck\n' >&2; exit 1`, "no luck"},
	} {
		for stage, pattern := range map[string]string{"metadata": `*"flake metadata"*`, "names": `*").names --no-update"*`, "evaluation": `*').node "'*`} {
			t.Run(stage+"/"+name, func(t *testing.T) {
				at := f.at(t)
				path := at.program("nix", fmt.Sprintf(`case "$*" in %s) %s ;; esac; exec "$real" "$@"`, pattern, c.script))
				r := at.startEnv([]string{"PATH=" + path}, "deploy", "path:"+f.dir).wait().exits(2).says(c.says)
				isOrderly(r)
			})
		}
	}
	d.isUntouched()
}

// What nix-store says of the store decides what is built and pushed.
func TestCorruptAnswersOfNixStore(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	before := web.snapshot()
	for name, c := range map[string]struct {
		pattern, script string
		code            int
		says            string
	}{
		"no store path":     {"--add", `echo nonsense`, 1, "nix-store printed no store path"},
		"no answer":         {"--add", `true`, 1, "nix-store printed no store path"},
		"a broken log":      {"--realise --keep-going", `echo '@nix {"action":"start","id":1,"ty' >&2; echo '@nix []' >&2; printf '@nix {"action"' >&2; exit 1`, 3, "build failed"},
		"a build that lies": {"--realise --keep-going", `true`, 3, "build failed"},
	} {
		t.Run(name, func(t *testing.T) {
			at := f.at(t)
			at.version("web", strings.ReplaceAll(name, " ", "-")) // a system that is not built yet
			path := at.program("nix-store", fmt.Sprintf(`case "$*" in *%s*) %s; exit ;; esac; exec "$real" "$@"`, c.pattern, c.script))
			r := at.startEnv([]string{"PATH=" + path}, "deploy", "path:"+f.dir).wait().exits(c.code).says("web: ", c.says)
			isOrderly(r)
		})
	}
	web.is(before)
}

// isOrderly asserts that flakeops ended in good order, with a text that does
// nothing to a terminal.
func isOrderly(r *result) {
	r.t.Helper()
	r.keepsQuiet("panic", "goroutine ", "runtime error", "\x1b", "\x00", "%!")
	if n := len(r.stderr); n > 20<<10 {
		r.t.Errorf("an error of %d bytes", n)
	}
}

// usesLess asserts how much memory flakeops has at most while it runs. What the kernel
// tells of it afterwards would have the tests' own memory in it, which it is forked from.
func (p *process) usesLess(bytes int64) *process {
	p.t.Helper()
	peak := peakMemory(p.Cmd.Process.Pid)
	if peak == 0 {
		p.t.Error("it had ended before it was weighed")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for often := time.NewTicker(time.Millisecond); 0 < peak && peak <= bytes; <-often.C {
			peak = peakMemory(p.Cmd.Process.Pid)
		}
		if peak > bytes {
			p.t.Errorf("used %d MB, want %d at most", peak>>20, bytes>>20)
		}
	}()
	p.t.Cleanup(func() { <-done })
	return p
}

// peakMemory is the most that a process had so far, in bytes; 0 for one that has ended.
func peakMemory(pid int) int64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	fields := strings.Fields(after)
	if len(fields) == 0 {
		return 0
	}
	kib, _ := strconv.ParseInt(fields[0], 10, 64)
	return kib << 10
}
