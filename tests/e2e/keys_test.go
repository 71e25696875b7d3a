package e2e

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flakeops/tests/flakes"
)

type attrs = map[string]any

// secret is a random value that occurs nowhere else.
func secret() string { return "value-" + rand.Text() + rand.Text() }

// file writes a value to a file of the operator's that is in no flake.
func (f *fleet) file(value []byte) string {
	f.t.Helper()
	name := filepath.Join(f.home, "key-"+rand.Text())
	must(f.t, os.WriteFile(name, value, 0o600))
	return name
}

// keys gives a node other keys.
func (f *fleet) keys(name string, keys map[string]map[string]any) {
	f.t.Helper()
	n := f.nodes[name]
	n.Keys = keys
	f.nodes[name] = n
	f.write()
}

// text is a key whose value is in the flake.
func text(value string) attrs { return attrs{"text": value} }

// holdsKey asserts a key's content, owner and mode.
func (m *machine) holdsKey(path string, value []byte, owner, mode string) {
	m.t.Helper()
	sum := sha256.Sum256(value)
	want := hex.EncodeToString(sum[:]) + " " + owner + " " + mode
	got := m.sh("printf '%s %s' \"$(sha256sum <'" + path + "' | cut -d' ' -f1)\" \"$(stat -c '%U:%G %a' '" + path + "')\"")
	if got != want {
		m.t.Errorf("%s: %s is %s, want %s", m.Name, path, got, want)
	}
}

// inodes are the identity and times of all keys in a directory.
func (m *machine) inodes(dir string) string {
	return m.sh("stat -c '%n %i %Y %Z' " + dir + "/* 2>/dev/null | sort")
}

func TestKeysFromAllSources(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm", "db": "sid"})
	values := map[string][]byte{
		"text": []byte(secret() + "\n"), "file": []byte(secret()), "command": []byte(secret()),
		"late": []byte(secret()), "binary": make([]byte, 4096), "large": make([]byte, 1<<20),
	}
	for _, name := range []string{"binary", "large"} {
		if _, err := rand.Read(values[name]); err != nil {
			t.Fatal(err)
		}
	}
	for name := range f.hosts {
		f.set(name, func(n *flakes.Node) { n.Users = []string{"app"} })
		f.keys(name, map[string]map[string]any{
			"text":    text(string(values["text"])),
			"file":    {"keyFile": f.file(values["file"]), "user": "app", "group": "app", "permissions": "0440"},
			"command": {"keyCommand": []string{"cat", f.file(values["command"])}, "user": "nobody"},
			"late":    {"keyFile": f.file(values["late"]), "uploadAt": "post-activation", "name": "renamed"},
			"binary":  {"keyCommand": []string{"cat", f.file(values["binary"])}, "destDir": "/run/other/place"},
			"large":   {"keyFile": f.file(values["large"])},
		})
	}
	f.deploy().exits(0).says("deployed", "6 keys changed")
	for name, m := range f.hosts {
		m.runs(f.system(name))
		m.holdsKey("/run/keys/text", values["text"], "root:root", "400")
		m.holdsKey("/run/keys/file", values["file"], "app:app", "440")
		m.holdsKey("/run/keys/command", values["command"], "nobody:root", "400")
		m.holdsKey("/run/keys/renamed", values["late"], "root:root", "400")
		m.holdsKey("/run/other/place/binary", values["binary"], "root:root", "400")
		m.holdsKey("/run/keys/large", values["large"], "root:root", "400")
		if got := m.sh("stat -c '%a %G %U' /run/keys"); got != "750 keys root" {
			t.Errorf("%s: /run/keys is %s", name, got)
		}
	}
	f.run("keys", "list", "path:"+f.dir).exits(0).says("present", "renamed").keepsQuiet("missing", "different")
}

func TestKeyCommandsKnowTheirNodeAndKey(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	f.keys("web", map[string]map[string]any{
		"who": {"keyCommand": []string{"sh", "-c", `printf '%s %s %s' "$FLAKEOPS_NODE" "$FLAKEOPS_KEY" "$PWD"`}},
	})
	f.run("send-keys", "path:"+f.dir).exits(0).says("keys sent")
	f.hosts["web"].holdsKey("/run/keys/who", []byte("web who "+f.dir), "root:root", "400")
}

func TestUnchangedKeysAreNotTouchedAndChangedOnesRestartTheirUnits(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	changing := f.file([]byte(secret()))
	web.sh("printf '[Service]\\nExecStart=/bin/sleep infinity\\n' >/etc/systemd/system/user-of-key.service; systemctl daemon-reload; systemctl start user-of-key")
	f.keys("web", map[string]map[string]any{
		"same":    text(secret()),
		"changes": {"keyFile": changing, "restartUnits": []string{"user-of-key.service"}},
	})
	f.deploy().exits(0)
	before := web.inodes("/run/keys")
	unit := func() string { return web.sh("systemctl show -P InvocationID user-of-key.service") }
	invocation := unit()

	f.deploy().exits(0).says("up to date")
	f.run("send-keys", "path:"+f.dir).exits(0).says("all unchanged")
	if now := web.inodes("/run/keys"); now != before {
		t.Errorf("keys were touched:\n%s\nare now\n%s", before, now)
	}
	if unit() != invocation {
		t.Error("a unit was restarted although its key did not change")
	}

	must(t, os.WriteFile(changing, []byte(secret()), 0o600))
	f.run("keys", "list", "path:"+f.dir).exits(0).says("different", "present")
	f.deploy().exits(0).says("1 key changed")
	if unit() == invocation {
		t.Error("a unit was not restarted although its key changed")
	}
	if same := "/run/keys/same "; !strings.Contains(web.inodes("/run/keys"), line(before, same)) {
		t.Error("the other key was touched")
	}
}

// A deployment that fails takes no key from the system that the host goes back
// to. The unit of a key that changed is restarted by the next one, which also
// removes what only the failed one had.
func TestKeysOverAFailedActivation(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	changing := f.file([]byte(secret()))
	web.sh("printf '[Service]\\nExecStart=/bin/sleep infinity\\n' >/etc/systemd/system/user-of-key.service; systemctl daemon-reload")
	key := attrs{"keyFile": changing, "restartUnits": []string{"user-of-key.service"}}
	kept := secret()
	f.keys("web", map[string]map[string]any{"changes": key, "old": text(kept)})
	f.deploy().exits(0)
	unit := func() string { return web.sh("systemctl show -P InvocationID user-of-key.service") }
	invocation := unit()

	value := secret()
	must(t, os.WriteFile(changing, []byte(value), 0o600))
	f.keys("web", map[string]map[string]any{"changes": key, "new": text(secret())})
	f.version("web", "2", "activation-fails")
	f.deploy().exits(5)
	web.holdsKey("/run/keys/changes", []byte(value), "root:root", "400")
	web.holdsKey("/run/keys/old", []byte(kept), "root:root", "400")
	f.keys("web", map[string]map[string]any{"changes": key, "old": text(kept)})
	f.version("web", "3")
	f.deploy().exits(0).says("1 key removed")
	if unit() == invocation {
		t.Error("the unit still has the key that it was started with")
	}
}

// line is the line of text that begins with prefix.
func line(text, prefix string) string {
	for l := range strings.Lines(text) {
		if strings.HasPrefix(l, prefix) {
			return strings.TrimSpace(l)
		}
	}
	return "no line begins with " + prefix
}

func TestRemovedKeysGo(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	f.keys("web", map[string]map[string]any{"one": text(secret()), "two": text(secret())})
	f.deploy().exits(0)
	web.sh("echo mine >/run/keys/three") // somebody else's
	f.keys("web", map[string]map[string]any{"one": text(secret())})
	f.deploy().exits(0).says("1 key removed")
	if got := web.sh("ls /run/keys | tr '\\n' ' '"); got != "one three" {
		t.Errorf("left: %s", got)
	}
	f.keys("web", nil)
	f.deploy().exits(0).says("1 key removed")
	if got := web.sh("ls /run/keys"); got != "three" {
		t.Errorf("left: %s", got)
	}
}

func TestDryActivateBootAndNoKeysSendNothing(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	ran := filepath.Join(f.home, "ran")
	f.keys("web", map[string]map[string]any{"one": {"keyCommand": []string{"sh", "-c", "echo x; touch " + ran}}})
	for _, args := range [][]string{{"--dry-activate"}, {"--boot"}, {"--no-keys"}} {
		f.deploy(args...).exits(0)
		if got := web.sh("ls /run/keys"); got != "" {
			t.Errorf("%v sent %s", args, got)
		}
		if _, err := os.Stat(ran); err == nil {
			t.Errorf("%v ran the command", args)
		}
	}
}

func TestTwoHundredKeys(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "trixie"})
	web := f.hosts["web"]
	all := map[string]map[string]any{}
	for i := range 200 {
		all[fmt.Sprintf("key-%03d", i)] = text(secret())
	}
	f.keys("web", all)
	f.run("send-keys", "path:"+f.dir).exits(0).says("200 keys changed")
	if got := web.sh("ls /run/keys | wc -l"); got != "200" {
		t.Errorf("%s keys", got)
	}
}

func TestRebootBringsTheKeysAndTheirServicesBack(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	value := secret()
	f.keys("web", map[string]map[string]any{"token": text(value)})
	f.set("web", func(n *flakes.Node) { n.Needs = []string{"token"} })
	f.deploy().exits(0)
	f.run("reboot", "path:"+f.dir).exits(0).says("rebooted")
	web.holdsKey("/run/keys/token", []byte(value), "root:root", "400")
	for _, unit := range []string{"token-key.service", "fleet-keyed.service"} {
		eventually(t, unit+" is up", func() bool { return web.holds("systemctl is-active --quiet " + unit) })
	}
	web.sh("rm /run/keys/token")
	eventually(t, "the key's service is down", func() bool { return !web.holds("systemctl is-active --quiet token-key.service") })
}

func TestKeyOfAUserThatTheNewSystemCreates(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	value := secret()
	f.keys("web", map[string]map[string]any{"app": {"keyFile": f.file([]byte(value)), "user": "fresh", "group": "fresh"}})

	f.deploy().exits(4).says("web", "app", "fresh").keepsQuiet(value)

	f.set("web", func(n *flakes.Node) { n.Version, n.Users = "2", []string{"fresh"} })
	f.deploy().exits(0)
	web.holdsKey("/run/keys/app", []byte(value), "fresh:fresh", "400")
}
