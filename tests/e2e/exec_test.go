package e2e

import (
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestExec(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm", "db": "trixie", "edge": "sid"})
	web, db, edge := f.hosts["web"], f.hosts["db"], f.hosts["edge"]
	f.setting("db", "targetUser", "ops")
	// Nothing but the settings is evaluated.
	n := f.nodes["web"]
	n.Faults, n.Message = []string{"eval-throws"}, "web wants a disk"
	f.nodes["web"] = n
	f.write()
	exec := func(flags []string, command ...string) *result {
		t.Helper()
		return f.run(append(append([]string{"exec", "path:" + f.dir}, flags...), append([]string{"--"}, command...)...)...)
	}
	flags := func(of ...string) []string { return of }
	before := web.snapshot()

	// Arguments arrive as they are given, and there is nothing to read.
	odd := `a  b'$(touch /root/evil)"` + "\n*"
	for _, line := range strings.Split(exec(nil, "sh", "-c", `cat; printf '%s.\n' "$@"; id -u >&2`, "sh", odd, "").exits(0).says("db | 1000", "web | 0").stdout, "\n") {
		if _, text, _ := strings.Cut(line, " | "); line != "" && text != `a  b'$(touch /root/evil)"` && text != "*." && text != "." {
			t.Errorf("%q", line)
		}
	}
	exec(flags("--sudo", "--on", "db"), "id", "-u").exits(0).says("db | 0")
	f.run("ssh-for-each", "path:"+f.dir, "--on", "web,edge", "--", "true").exits(0).says("web", "edge", "EXIT")

	// Ten megabytes that are no text are right, on their way there and back.
	blob := make([]byte, 10<<20)
	_, _ = rand.Read(blob)
	file := filepath.Join(t.TempDir(), "blob")
	must(t, os.WriteFile(file, blob, 0o600))
	if r := exec(flags("--group", "--on", "web", "--stdin", file), "cat").exits(0); r.stdout != string(blob) {
		t.Errorf("%d bytes came back", len(r.stdout))
	}
	var answer struct {
		Nodes []struct {
			Node, Signal string
			Status       int
			StdoutBytes  []byte
		}
	}
	small := filepath.Join(t.TempDir(), "small")
	must(t, os.WriteFile(small, blob[:100<<10], 0o600))
	r := exec(flags("--json", "--stdin", small), "cat").exits(0).answers("exec")
	must(t, json.Unmarshal([]byte(r.stdout), &answer))
	for _, n := range answer.Nodes {
		if string(n.StdoutBytes) != string(blob[:100<<10]) {
			t.Errorf("%s: %d bytes came back", n.Node, len(n.StdoutBytes))
		}
	}
	// So they are as files.
	f.run("scp", "path:"+f.dir, "--to", "--json", "--", file, "/tmp/there").exits(0).answers("taken")
	logs := filepath.Join(t.TempDir(), "logs")
	f.run("scp", "path:"+f.dir, "--from", "--sudo", "--", "/tmp/there", "/etc/ssh", logs).exits(0).says("copied")
	for name := range f.hosts {
		if back, err := os.ReadFile(filepath.Join(logs, name, "there")); err != nil || string(back) != string(blob) {
			t.Errorf("%s: %d bytes came back, %v", name, len(back), err)
		}
		if _, err := os.Stat(filepath.Join(logs, name, "ssh")); err != nil {
			t.Error(err)
		}
	}
	f.run("scp", "path:"+f.dir, "--on", "web", "--from", "--", "/no/such", logs).exits(1).says("No such file")
	lines := exec(flags("--on", "web,db"), "seq", "100000").exits(0).stdout
	if n := strings.Count(lines, "web | "); n != 100000 || strings.Count(lines, "\n") != 200000 {
		t.Errorf("%d lines of web's, %d in all", n, strings.Count(lines, "\n"))
	}

	// How each ended is told.
	script := `case $(hostname) in web) exit 3 ;; db) kill -KILL $$ ;; esac; echo fine`
	r = exec(flags("--json"), "sh", "-c", script).exits(1).answers("exec")
	must(t, json.Unmarshal([]byte(r.stdout), &answer))
	for _, n := range answer.Nodes {
		want := map[string]string{"web": "", "db": "KILL", "edge": ""}[n.Node]
		if n.Signal != want || n.Node == "web" && n.Status != 3 {
			t.Errorf("%+v", n)
		}
	}
	exec(nil, "sh", "-c", script).exits(1).says("edge | fine", "killed by signal: KILL", "exit status 3")
	exec(nil, "no-such-program").exits(1).says("exit status 127")

	// One that hears no signal keeps nobody waiting.
	p := f.start("exec", "path:"+f.dir, "--", "sh", "-c", `trap "" TERM HUP INT; touch /tmp/runs; while :; do sleep 1; done`)
	for _, m := range f.hosts {
		eventually(t, m.Name+" runs the command", func() bool { return m.holds("[ -e /tmp/runs ]") })
	}
	p.signal(syscall.SIGINT)
	p.wait().exits(130)

	// One that writes without an end has one when nobody reads it any more.
	p = f.startProgram("sh", nil, "-c", `"$0" exec "path:$1" -- yes | head -n 1`, binary, f.dir)
	if r := p.wait().exits(0); !strings.HasSuffix(r.stdout, " | y\n") {
		t.Errorf("%q", r.stdout)
	}

	// Of hosts that hang, or whose packets are dropped, the others' answers come all the same.
	db.sh("systemctl kill --signal=STOP ssh.service || systemctl kill --signal=STOP sshd.service")
	must(t, edge.Cut(t.Context())) // its packets are dropped
	exec(nil, "echo", "here").exits(7).says("web | here", "db: unreachable", "edge: unreachable")
	exec(flags("--skip-unreachable"), "echo", "here").exits(0).says("web | here", "skipped")
	exec(flags("--on", "nobody"), "true").exits(1).says("nobody")
	web.is(before)
	web.sh("[ ! -e /root/evil ]")
}

// The operator's own ssh has the terminal, and its exit status is told.
func TestSSHGoesByANodesSettings(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "trixie"})
	n := f.nodes["web"]
	n.Deployment["targetUser"], n.Deployment["alternateHosts"] = "ops", []string{"nowhere.invalid"}
	n.Faults, n.Message = []string{"eval-throws"}, "web wants a disk"
	f.nodes["web"] = n
	f.write()
	if r := f.run("ssh", "path:"+f.dir+"#web", "--", "id -u; exit 7").exits(7); r.stdout != "1000\n" {
		t.Errorf("%q", r.stdout)
	}
	p := f.startOnTerminal("ssh", "path:"+f.dir+"#web")
	p.asked("$", "tty && exit 3") // the prompt of its shell
	p.wait().exits(3).says("/dev/pts/")
	p = f.startOnTerminal("exec", "path:"+f.dir, "--", "printf", `\033]0;steered\007fine\r\n\033[2Jwell`)
	if r := p.wait().exits(0).says("web | fine", "web | well"); strings.Contains(r.stdout, "steered") || strings.Contains(r.stdout, "\x1b[2J") {
		t.Errorf("%q", r.stdout)
	}
	f.startEnv([]string{"FLAKEOPS_FLAKE=path:" + f.dir}, "ssh", "web", "--", "true").wait().exits(0)
	f.run("ssh", "path:"+f.dir+"#wob").exits(1).says("did you mean web")
	f.setting("web", "targetHost", nil)
	f.run("ssh", "path:"+f.dir+"#web").exits(1).says("targetHost is null")
}
