package e2e

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"

	"flakeops/tests/flakes"
)

// A source that fails changes no host, not even those whose keys are fine.
func TestFailingKeySourcesChangeNoHost(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm", "db": "bookworm"})
	web, db := f.hosts["web"], f.hosts["db"]
	old := secret()
	f.keys("web", map[string]map[string]any{"good": text(old), "bad": text(old)})
	f.keys("db", map[string]map[string]any{"fine": text(old)})
	f.deploy().exits(0)
	before := map[string]string{"web": web.inodes("/run/keys"), "db": db.inodes("/run/keys")}
	f.keys("db", map[string]map[string]any{"fine": text(secret())})

	value := secret()
	inside := filepath.Join(f.dir, "inside.key")
	must(t, os.WriteFile(inside, []byte(value), 0o600))
	empty, held := f.file(nil), f.file([]byte(value))
	const reads = "set -x; token=$(cat \"$1\"); "
	for name, c := range map[string]struct {
		key  attrs
		says string
	}{
		"traced command":  {attrs{"keyCommand": []string{"sh", "-c", reads + "exit 3", "sh", held}}, "exit status 3"},
		"partial command": {attrs{"keyCommand": []string{"sh", "-c", reads + "echo $token; exit 1", "sh", held}}, "run it by hand: cd " + f.dir + " && env FLAKEOPS_NODE=web FLAKEOPS_KEY=bad sh -c "},
		"slow command":    {attrs{"keyCommand": []string{"sh", "-c", reads + "echo $token; exec sleep 600", "sh", held}, "timeout": 1}, "1s"},
		"empty command":   {attrs{"keyCommand": []string{"true"}}, "printed nothing"},
		"no such command": {attrs{"keyCommand": []string{"flakeops-no-such-program"}}, "flakeops-no-such-program"},
		"missing file":    {attrs{"keyFile": filepath.Join(f.home, "nothing-here")}, "no such file"},
		"empty file":      {attrs{"keyFile": empty}, "empty"},
		"directory":       {attrs{"keyFile": f.home}, "regular file"},
		"inside":          {attrs{"keyFile": inside}, "store"},
		"inside relative": {attrs{"keyFile": "inside.key"}, "store"},
	} {
		t.Run(name, func(t *testing.T) {
			f.keys("web", map[string]map[string]any{"good": text(secret()), "bad": c.key})
			for _, args := range [][]string{{"deploy", "path:" + f.dir, "-vv"}, {"send-keys", "path:" + f.dir, "--json"}} {
				f.run(args...).exits(4).says("web", "bad", c.says).keepsQuiet(value)
			}
			for _, m := range []*machine{web, db} {
				if now := m.inodes("/run/keys"); now != before[m.Name] {
					t.Errorf("%s's keys were touched:\n%s\nare now\n%s", m.Name, before[m.Name], now)
				}
			}
		})
	}
}

func TestKeyNamesThatCouldEscapeAreRefused(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	before := web.sh("find /run/keys /etc -newer /run/current-system | sort")
	for _, name := range []string{"../../etc/evil", "a/b", "..", ".", "two words", "$(touch /run/touched)", "line\nbreak", "-rf", ".hidden"} {
		f.keys("web", map[string]map[string]any{"odd": {"keyCommand": []string{"echo", "x"}, "name": name}})
		f.run("send-keys", "path:"+f.dir).exits(2).says("web", "odd", "name")
	}
	if now := web.sh("find /run/keys /etc -newer /run/current-system | sort"); now != before || web.holds("[ -e /run/touched ]") {
		t.Errorf("the host changed:\n%s\nis now\n%s", before, now)
	}
}

func TestPlantedLinksAreNotFollowed(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	value := secret()
	web.sh("echo precious >/etc/victim; mkdir -p /run/keys; ln -s /etc/victim /run/keys/linked; mkdir /etc/victims; ln -s /etc/victims /run/planted")
	f.keys("web", map[string]map[string]any{"linked": text(value)})
	f.run("send-keys", "path:"+f.dir).exits(0)
	if got := web.sh("cat /etc/victim"); got != "precious" {
		t.Errorf("the link's target holds %d bytes now", len(got))
	}
	if web.holds("[ -L /run/keys/linked ]") {
		t.Error("the key is still a link")
	}
	web.holdsKey("/run/keys/linked", []byte(value), "root:root", "400")

	f.keys("web", map[string]map[string]any{"linked": {"keyFile": f.file([]byte(value)), "destDir": "/run/planted/sub"}})
	f.run("send-keys", "path:"+f.dir).exits(4).says("web", "/run/planted", "link").keepsQuiet(value)
	if got := web.sh("find /etc/victims -mindepth 1"); got != "" {
		t.Errorf("written through the link: %s", got)
	}
	// Nothing was half done: the old key is where it was.
	web.holdsKey("/run/keys/linked", []byte(value), "root:root", "400")
}

func TestKeysGoToMemoryOnlyUnlessToldOtherwise(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	value := secret()
	key := attrs{"keyFile": f.file([]byte(value)), "destDir": "/var/lib/app/keys"}
	f.keys("web", map[string]map[string]any{"token": key})
	f.run("send-keys", "path:"+f.dir).exits(4).says("web", "token", "allowPersistent").keepsQuiet(value)
	if web.holds("[ -e /var/lib/app ]") {
		t.Error("a directory was made for a key that was refused")
	}
	key["allowPersistent"] = true
	f.keys("web", map[string]map[string]any{"token": key})
	f.run("send-keys", "path:"+f.dir).exits(0)
	web.holdsKey("/var/lib/app/keys/token", []byte(value), "root:root", "400")
}

// bulky gives the node a set of keys that takes a while to send.
func (f *fleet) bulky(node, set string) {
	keys := map[string]map[string]any{}
	for _, name := range []string{"a", "b", "c"} {
		bulk := make([]byte, 15<<20)
		_, _ = rand.Read(bulk)
		copy(bulk, set)
		keys[name] = attrs{"keyFile": f.file(bulk), "destDir": "/var/lib/bulk", "allowPersistent": true}
	}
	f.keys(node, keys)
}

// whole says which set the host has; all of its keys must be of one.
func (m *machine) whole() string {
	m.t.Helper()
	return m.sh("for k in a b c; do head -c 3 /var/lib/bulk/$k; done")
}

func TestKeysAreOldOrNewAsAWholeWhenTheLinkOrThePowerIsCut(t *testing.T) {
	for _, how := range []string{"link", "power"} {
		t.Run(how, func(t *testing.T) {
			f := newFleet(t, map[string]string{"web": "bookworm"})
			web := f.hosts["web"]
			f.setting("web", "sshOptions", []string{"ServerAliveInterval=1", "ServerAliveCountMax=3", "ConnectTimeout=3"})
			f.bulky("web", "old")
			f.run("send-keys", "path:"+f.dir).exits(0)
			if got := web.whole(); got != "oldoldold" {
				t.Fatalf("the host has %s", got)
			}
			f.bulky("web", "new")
			p := f.start("send-keys", "path:"+f.dir)
			eventually(t, "the host receives keys", func() bool { return web.holds("pgrep -f 'agent keys$'") })
			if how == "link" {
				must(t, web.Cut(t.Context()))
			} else {
				must(t, web.PowerOff(t.Context()))
			}
			r := p.wait()
			if how == "link" {
				must(t, web.Heal(t.Context()))
				eventually(t, "the host gives up receiving", func() bool { return !web.holds("pgrep -f 'agent keys$'") })
			} else {
				must(t, web.PowerOn(t.Context()))
			}
			if got := web.whole(); got != "oldoldold" && got != "newnewnew" {
				t.Errorf("exit code %d, and the host has %s", r.code, got)
			} else if r.code == 0 && got != "newnewnew" {
				t.Errorf("said to be sent, but the host has %s", got)
			}
			f.run("send-keys", "path:"+f.dir).exits(0)
			if got := web.whole(); got != "newnewnew" {
				t.Errorf("sent once more, the host has %s", got)
			}
			if got := web.sh("ls -A /var/lib/bulk | wc -l"); got != "3" {
				t.Errorf("left behind: %s", web.sh("ls -A /var/lib/bulk"))
			}
		})
	}
}

func TestKeyFileThatGitIgnoresMayBeInTheDirectory(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	value := secret()
	must(t, os.WriteFile(filepath.Join(f.dir, ".gitignore"), []byte("secrets/\n"), 0o644))
	must(t, os.Mkdir(filepath.Join(f.dir, "secrets"), 0o700))
	must(t, os.WriteFile(filepath.Join(f.dir, "secrets", "token"), []byte(value), 0o600))
	f.keys("web", map[string]map[string]any{"token": {"keyFile": "secrets/token"}})
	flakes.Commit(t, f.dir)
	f.run("send-keys", f.dir).exits(0)
	web.holdsKey("/run/keys/token", []byte(value), "root:root", "400")
}

func TestKeyFileInsideAFlakeBelowTheRootOfItsTreeIsRefused(t *testing.T) {
	t.Parallel()
	f := emptyFleet(t)
	root := t.TempDir()
	sub := filepath.Join(root, "sub")
	must(t, flakes.Write(sub, map[string]flakes.Node{"web": {
		Keys: map[string]map[string]any{"token": {"keyFile": "inside.key"}}, Deployment: attrs{"targetHost": "nowhere.invalid"},
	}}))
	value := secret()
	must(t, os.WriteFile(filepath.Join(sub, "inside.key"), []byte(value), 0o600))
	flakes.Commit(t, root)
	f.run("validate", "git+file://"+root+"?dir=sub").exits(1).says("web", "token", "store").keepsQuiet(value)
}
