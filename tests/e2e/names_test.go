package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flakeops/activate/wire"
	"flakeops/tests/flakes"
)

// Names of nodes are data: whatever nix allows can be deployed, and none of it
// is ever a command or an option.

func TestAwkwardNamesAreDeployed(t *testing.T) {
	const groups = 4
	names := flakes.AwkwardNames()
	size := (len(names) + groups - 1) / groups
	for group := range slices.Chunk(names, size) {
		t.Run(strings.Trim(fmt.Sprintf("%.20q", group[0]), `"`), func(t *testing.T) {
			f := newFleet(t, map[string]string{"web": "bookworm"})
			web := f.hosts["web"]
			f.nodes = map[string]flakes.Node{}
			for _, name := range group {
				f.nodes[name] = flakes.Node{Deployment: brief(map[string]any{"targetHost": "web", "tags": []string{"all"}})}
			}
			f.write()
			// All nodes have the same host, so one goes after the other.
			r := f.deploy("--parallel", "1").exits(0)
			if n := strings.Count(r.stdout, "  deployed"); n != len(group) {
				t.Errorf("%d rows of nodes deployed, want %d:\n%s", n, len(group), r.stdout)
			}
			deployed := map[string]string{} // system by node
			for _, record := range web.records() {
				if record.Outcome == wire.Deployed {
					deployed[record.Node] = record.New
				}
			}
			for _, name := range group {
				if deployed[name] == "" {
					t.Errorf("node %q was not deployed; the records name %v", name, deployed)
				}
			}
			f.selectsEach(group, deployed)
			wasNotTouched(t, f.home, f.dir, ".", "/", "/tmp", "/root")
			if out := web.sh("find / -xdev -name touched -not -path '/proc/*'"); out != "" {
				t.Errorf("a name was run as a command on the host: %s", out)
			}
		})
	}
}

// selectsEach asserts that each name means its own node alone, after a # and in
// a list, although it may look like a pattern or a list.
func (f *fleet) selectsEach(names []string, systems map[string]string) {
	f.t.Helper()
	for _, name := range names {
		if name == "" {
			continue // no way to write it
		}
		ways := [][]string{{"path:" + f.dir + "#" + name}}
		if !strings.HasPrefix(name, "@") { // that is a tag
			ways = append(ways, []string{"path:" + f.dir, "--on=" + name})
		}
		for _, args := range ways {
			r := f.run(append([]string{"build"}, args...)...).exits(0)
			if got := strings.TrimSpace(r.stdout); got != systems[name] {
				f.t.Errorf("%q builds %q, want %q", args, got, systems[name])
			}
		}
	}
}

// A node's name is also its host's, unless that is set. What cannot be one is
// refused before ssh sees it, and the other nodes are not the worse for it.
func TestNamesThatAreNoHostNames(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	names := []string{
		"two words", "it's", `say "hi"`, `back\slash`, "$(touch touched)", "`touch touched`", "; touch touched",
		"${touched}", "-oProxyCommand=touch touched", "--help", "new\nline", "a,b", "0,", "*", "@tagged", "[web]:22",
	}
	for _, name := range names {
		f.nodes[name] = flakes.Node{Deployment: map[string]any{}}
	}
	f.write()
	before := web.snapshot()
	asked := f.watchSSH()

	r := f.startEnv(asked.env, "deploy", "path:"+f.dir).wait().exits(1)
	for _, name := range names {
		if strings.Contains(r.stderr, fmt.Sprintf("host name %q", name)) {
			r.says("set deployment.targetHost")
		}
	}
	web.is(before)

	r = f.startEnv(asked.env, "deploy", "path:"+f.dir, "--keep-going").wait().exits(1)
	for _, name := range names {
		r.says(fmt.Sprintf("host name %q", name))
	}
	web.runs(f.system("web"))
	asked.neverSaw(names...)
	wasNotTouched(t, f.home, f.dir, ".", "/tmp", "/")
}

func TestTargetHostThatIsAnOptionIsNeverSeenBySSH(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	const option = "-oProxyCommand=touch touched"
	before := web.snapshot()
	asked := f.watchSSH()
	for setting, value := range map[string]any{"targetHost": option, "alternateHosts": []string{option}, "targetUser": option} {
		f.nodes["bad"] = flakes.Node{Deployment: brief(map[string]any{"targetHost": "web", setting: value})}
		f.write()
		f.startEnv(asked.env, "deploy", "path:"+f.dir).wait().exits(2).
			says("bad", "deployment."+setting, "begins with a dash", "ssh would take it for an option")
	}
	web.is(before)
	f.startEnv(asked.env, "deploy", "path:"+f.dir, "--keep-going").wait().exits(2)
	web.runs(f.system("web"))
	asked.neverSaw(option)
	wasNotTouched(t, f.home, f.dir, ".", "/tmp")
}

// sshLog is what ssh was asked for.
type sshLog struct {
	t    *testing.T
	file string
	env  []string // with which flakeops finds the ssh that is watched
}

func (f *fleet) watchSSH() *sshLog {
	f.t.Helper()
	l := &sshLog{t: f.t, file: filepath.Join(f.t.TempDir(), "ssh.log")}
	l.env = []string{"PATH=" + f.program("ssh", `printf '%s\n' "$@" >>`+l.file+`; exec "$real" "$@"`)}
	return l
}

// neverSaw asserts that ssh was asked for something, but never with one of words.
func (l *sshLog) neverSaw(words ...string) {
	l.t.Helper()
	text, err := os.ReadFile(l.file)
	if err != nil || !strings.Contains(string(text), "-G\n") {
		l.t.Fatalf("ssh was not watched: %v: %s", err, text)
	}
	for _, word := range words {
		if strings.Contains("\n"+string(text), "\n"+word+"\n") {
			l.t.Errorf("ssh was given %q:\n%s", word, text)
		}
	}
}
