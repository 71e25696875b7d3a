package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flakeops/tests/flakes"
)

// After a run with unique values, at -v, and with every kind of failure, no
// value is found anywhere but where it belongs.
func TestNoValueLeaks(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	// All values share a word, so that one search finds any of them.
	const word = "leak7Qx2"
	value := func() string { return word + "-" + secret() }
	sources := filepath.Join(f.home, "sources")
	must(t, os.Mkdir(sources, 0o700))
	file := func() string {
		name := f.file([]byte(value()))
		moved := filepath.Join(sources, filepath.Base(name))
		must(t, os.Rename(name, moved))
		return moved
	}
	good := func() map[string]map[string]any {
		return map[string]map[string]any{
			"text": {"textFile": file()}, "file": {"keyFile": file()}, "command": {"keyCommand": []string{"cat", file()}},
			"late": {"keyFile": file(), "uploadAt": "post-activation"},
		}
	}
	began := time.Now()
	processes := watchProcesses(t, word)
	var output strings.Builder
	deploy := func(keys map[string]map[string]any, args ...string) *result {
		f.keys("web", keys)
		r := f.run(append(args, "path:"+f.dir, "--impure", "-vv", "--log-format", "json")...)
		output.WriteString(r.stdout + r.stderr)
		return r
	}
	deploy(good(), "deploy").exits(0)
	deploy(good(), "send-keys").exits(0)
	deploy(good(), "keys", "list").exits(0)
	deploy(good(), "deploy", "--json").exits(0)

	// Failures of each source, of the host, and of the activation.
	bad := good()
	bad["command"] = attrs{"keyCommand": []string{"sh", "-c", "cat " + file() + " | tee /dev/stderr; exit 1"}}
	deploy(bad, "deploy").exits(4)
	bad["command"] = attrs{"keyCommand": []string{"sh", "-c", "cat " + file() + "; sleep 600"}, "timeout": 1}
	deploy(bad, "deploy").exits(4)
	bad["command"] = attrs{"keyCommand": []string{"sh", "-c", "set -x; token=$(cat " + file() + "); exit 3"}}
	deploy(bad, "deploy", "--json").exits(4)
	deploy(bad, "plan", "--push").exits(4)
	bad = good()
	bad["file"] = attrs{"keyFile": file(), "user": "nobody-of-that-name"}
	deploy(bad, "send-keys").exits(4)
	bad["file"] = attrs{"keyFile": file(), "destDir": "/var/keys"}
	deploy(bad, "send-keys").exits(4)
	f.set("web", func(n *flakes.Node) { n.Version, n.Faults = "2", []string{"activation-fails"} })
	deploy(good(), "deploy").exits(5)
	f.set("web", func(n *flakes.Node) { n.Version, n.Faults = "3", nil })
	web.sh("mount -o remount,size=1k /run/keys 2>/dev/null || :")
	must(t, web.Cut(t.Context()))
	f.setting("web", "sshOptions", []string{"ConnectTimeout=1"})
	deploy(good(), "deploy").exits(7)
	must(t, web.Heal(t.Context()))
	deploy(good(), "deploy").exits(0)

	if seen := processes(); seen != "" {
		t.Errorf("a value was in the argv or environment of a process: %s", seen)
	}
	if strings.Contains(output.String(), word) {
		t.Error("a value is in the output")
	}
	// The deployer: everything in its home but the sources, and what came into
	// the store meanwhile.
	if out := grep(t, word, "--exclude-dir=sources", f.home); out != "" {
		t.Errorf("on the deployer: %s", out)
	}
	if out := grep(t, word, newPaths(t, began)...); out != "" {
		t.Errorf("in the deployer's store: %s", out)
	}
	// The host: disk, journal, and all of /run but the keys themselves.
	if out := web.sh("grep -rslaF " + word + " /nix/store /nix/var /var /etc /root /home /tmp /boot 2>/dev/null || :"); out != "" {
		t.Errorf("on the host's disk: %s", out)
	}
	if out := web.sh("grep -rslaF --devices=skip --exclude-dir=keys " + word + " /run 2>/dev/null || :"); out != "" {
		t.Errorf("in the host's /run: %s", out)
	}
	if web.holds("journalctl --no-pager -a | grep -qF " + word) {
		t.Error("in the host's journal")
	}
	// The search itself works: the keys are found where they belong.
	if out := web.sh("grep -rslaF " + word + " /run/keys | wc -l"); out != "4" {
		t.Errorf("%s keys are found in /run/keys, so the search shows nothing", out)
	}
}

// grep lists the files that hold word.
func grep(t *testing.T, word string, where ...string) string {
	t.Helper()
	if len(where) == 0 {
		return ""
	}
	out, _ := exec.CommandContext(t.Context(), "grep", append([]string{"-rslaF", "--devices=skip", word}, where...)...).Output()
	return strings.TrimSpace(string(out))
}

// newPaths are the store paths that were made since.
func newPaths(t *testing.T, since time.Time) []string {
	t.Helper()
	entries, err := os.ReadDir("/nix/store")
	must(t, err)
	var paths []string
	for _, e := range entries {
		var st os.FileInfo
		if st, err = e.Info(); err == nil && changedSince(st, since) {
			paths = append(paths, filepath.Join("/nix/store", e.Name()))
		}
	}
	return paths
}
