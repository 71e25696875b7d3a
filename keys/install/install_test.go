package install

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"flakeops/keys/message"
)

func TestKeysAreInstalled(t *testing.T) {
	h := newHost(t)
	binary, big := h.key("binary", "\x00\xff\n\x00"), h.key("big", strings.Repeat("\x00x", 1<<19))
	binary.User, binary.Group, binary.Mode = "daemon", "nogroup", 0o640
	big.User, big.Group = "1234", "4321"
	big.Dir = h.keys + "/a/b"
	reply := h.ok(message.Full, h.key("plain", "hunter2"), binary, big)
	if !reflect.DeepEqual(reply.Changed, []string{"plain", "binary", "big"}) || reply.Unchanged != nil || reply.Removed != nil {
		t.Errorf("reply %+v", reply)
	}
	got := h.files(h.keys)
	for name, want := range map[string]file{
		"plain":  {content: "hunter2", mode: 0o400},
		"binary": {content: "\x00\xff\n\x00", mode: 0o640, uid: 1, gid: 65534},
	} {
		f := got[name]
		if f.content != want.content || f.mode != want.mode || f.uid != want.uid || f.gid != want.gid {
			t.Errorf("%s is %+v", name, f)
		}
	}
	if f := h.files(big.Dir)["big"]; f.content != string(big.Value.Reveal()) || f.uid != 1234 || f.gid != 4321 {
		t.Errorf("big is %d bytes of %d:%d", len(f.content), f.uid, f.gid)
	}
	if d := h.files(h.mem)["keys"]; d.mode != os.ModeDir|0o750 || d.uid != 0 || d.gid != 1 {
		t.Errorf("the directory is %+v", d)
	}
	if m := h.files(h.root + "/var/lib/flakeops")["keys.json"]; m.mode != 0o600 || strings.Contains(m.content, "hunter2") {
		t.Errorf("the manifest is %+v", m)
	}
	h.noLeftovers()
}

func TestUnchangedKeysAreNotTouched(t *testing.T) {
	h := newHost(t)
	a, b := h.key("a", "A"), h.key("b", "B")
	h.ok(message.Full, a, b)
	before, state := h.files(h.keys), h.files(h.root+"/var/lib/flakeops")
	reply := h.ok(message.Full, a, b)
	if !reflect.DeepEqual(reply.Unchanged, []string{"a", "b"}) || reply.Changed != nil {
		t.Errorf("reply %+v", reply)
	}
	if after := h.files(h.keys); !reflect.DeepEqual(before, after) {
		t.Errorf("%+v became %+v", before, after)
	}
	if after := h.files(h.root + "/var/lib/flakeops"); !reflect.DeepEqual(state, after) {
		t.Error("the manifest was written again")
	}
	for what, change := range map[string]func(k *message.Key){
		"content": func(k *message.Key) { k.Value = message.NewSecret([]byte("C")) },
		"length":  func(k *message.Key) { k.Value = message.NewSecret([]byte("BB")) },
		"owner":   func(k *message.Key) { k.User = "daemon" },
		"group":   func(k *message.Key) { k.Group = "daemon" },
		"mode":    func(k *message.Key) { k.Mode = 0o440 },
	} {
		h.ok(message.Full, a, b)
		before := h.files(h.keys)
		changed := b
		change(&changed)
		if reply := h.ok(message.Full, a, changed); !reflect.DeepEqual(reply.Changed, []string{"b"}) || !reflect.DeepEqual(reply.Unchanged, []string{"a"}) {
			t.Errorf("%s: reply %+v", what, reply)
		}
		after := h.files(h.keys)
		if after["a"] != before["a"] || after["b"].inode == before["b"].inode {
			t.Errorf("%s: %+v became %+v", what, before, after)
		}
	}
}

func TestKeysNoLongerDeclaredAreRemoved(t *testing.T) {
	h := newHost(t)
	a, b, far := h.key("a", "A"), h.key("b", "B"), h.key("far", "F")
	far.Dir = h.mem + "/other"
	h.ok(message.Full, a, b, far)
	must(t, os.WriteFile(h.keys+"/foreign", []byte("not ours"), 0o600))
	if reply := h.ok(message.Pre, a); reply.Removed != nil {
		t.Errorf("pre removes %q", reply.Removed)
	}
	reply := h.ok(message.Full, a)
	if !reflect.DeepEqual(reply.Removed, []string{b.Path(), far.Path()}) || !reflect.DeepEqual(reply.Unchanged, []string{"a"}) {
		t.Errorf("reply %+v", reply)
	}
	h.want(map[string]string{"a": "A", "foreign": "not ours"})
	must(t, os.RemoveAll(h.keys)) // as a reboot does
	if reply := h.ok(message.Full); reply.Removed != nil {
		t.Errorf("what is gone is removed: %+v", reply)
	}
	h.noLeftovers()
}

func TestOwnersThatDoNotExistYet(t *testing.T) {
	h := newHost(t)
	k, later := h.key("a", "A"), h.key("b", "B")
	later.User, later.Mode = "flakeops-nobody-has-this-name", 0o444
	reply := h.send(message.Full, k, later)
	if !strings.Contains(reply.Error, "key b: user flakeops-nobody-has-this-name does not exist on the host") || reply.Changed != nil {
		t.Errorf("reply %+v", reply)
	}
	if _, err := os.Lstat(h.keys); err == nil {
		t.Error("something was made")
	}
	reply = h.ok(message.Pre, k, later)
	if !reflect.DeepEqual(reply.Deferred, []string{"b"}) || !reflect.DeepEqual(reply.Changed, []string{"a", "b"}) {
		t.Errorf("reply %+v", reply)
	}
	if f := h.files(h.keys)["b"]; f.mode != 0o400 || f.uid != 0 || f.gid != 0 {
		t.Errorf("it is %+v", f)
	}
	if s := h.ok(message.Check, k, later).States; s["a"] != message.Present || s["b"] != message.Different {
		t.Errorf("states %v", s)
	}
	if reply := h.ok(message.Pre, k, later); len(reply.Unchanged) != 2 || len(reply.Deferred) != 1 {
		t.Errorf("again: %+v", reply)
	}
	later.User = "daemon" // it exists now
	later.RestartUnits = []string{"b.service"}
	reply = h.ok(message.Full, k, later)
	if !reflect.DeepEqual(reply.Changed, []string{"b"}) || !reflect.DeepEqual(reply.Restarted, []string{"b.service"}) {
		t.Errorf("reply %+v", reply)
	}
	if f := h.files(h.keys)["b"]; f.mode != 0o444 || f.uid != 1 {
		t.Errorf("it is %+v", f)
	}
}

// Until its new owner exists a key is its old owner's: the host may yet go back to
// the system that has only that one.
func TestKeyThatWaitsForItsOwnerIsNotTakenFromAnother(t *testing.T) {
	h := newHost(t)
	k := h.key("a", "A")
	k.User, k.Mode = "daemon", 0o440
	h.ok(message.Full, k)
	before := h.files(h.keys)
	k.User, k.Mode = "flakeops-nobody-has-this-name", 0o400
	if reply := h.ok(message.Pre, k); len(reply.Unchanged) != 1 || len(reply.Deferred) != 1 {
		t.Errorf("reply %+v", reply)
	}
	if after := h.files(h.keys); !reflect.DeepEqual(before, after) {
		t.Errorf("%+v became %+v", before, after)
	}
	if s := h.ok(message.Check, k).States; s["a"] != message.Different {
		t.Errorf("states %v", s)
	}
	k.Value = message.NewSecret([]byte("B"))
	h.ok(message.Pre, k)
	if f := h.files(h.keys)["a"]; f.content != "B" || f.mode != 0o400 || f.uid != 0 {
		t.Errorf("it is %+v", f)
	}
	k.User = "nobody"
	h.ok(message.Full, k)
	if f := h.files(h.keys)["a"]; f.content != "B" || f.uid == 0 {
		t.Errorf("it is %+v", f)
	}
}

func TestKeysStayAsTheyAreWhileSomebodyDeploys(t *testing.T) {
	h := newHost(t)
	h.ok(message.Full, h.key("a", "A"))
	holder, asked := errors.New("deployment 1 of ann is running"), 0
	h.busy = func() error { asked++; return holder }
	for _, mode := range []message.Mode{message.Pre, message.Full} {
		if reply := h.send(mode, h.key("a", "B")); reply.Error != holder.Error() || !reply.Busy || reply.Changed != nil {
			t.Errorf("%s: reply %+v", mode, reply)
		}
		h.want(map[string]string{"a": "A"})
	}
	h.ok(message.Check, h.key("a", "B"))
	// What an activation left may still be about to end when its keys follow.
	asked, h.settle = 0, time.Minute
	h.busy = func() error {
		if asked++; asked < 3 {
			return holder
		}
		return nil
	}
	h.ok(message.Full, h.key("a", "B"))
	h.want(map[string]string{"a": "B"})
}

func TestGroupThatComesLaterMayEnter(t *testing.T) {
	h := newHost(t)
	k := h.key("a", "A")
	i := h.installer()
	i.group = "flakeops-no-such-group"
	if reply := i.serve(t.Context(), bytes.NewReader(frame(t, message.Message{Mode: message.Pre, Keys: []message.Key{k}}))); reply.Error != "" {
		t.Fatal(reply.Error)
	}
	if d := h.files(h.mem)["keys"]; d.gid != 0 || d.mode.Perm() != 0o750 {
		t.Errorf("the directory is %+v", d)
	}
	h.ok(message.Full, k)
	if d := h.files(h.mem)["keys"]; d.gid != 1 {
		t.Errorf("the directory is %+v", d)
	}
}

func TestUnitsAreRestartedOnChangeOnly(t *testing.T) {
	h := newHost(t)
	a, b := h.key("a", "A"), h.key("b", "B")
	a.RestartUnits, b.RestartUnits = []string{"x.service", "y.service"}, []string{"y.service", "z.service"}
	h.ok(message.Pre, a, b)
	h.ran() // what uses the keys may not be there yet
	if reply := h.ok(message.Full, a, b); !reflect.DeepEqual(reply.Restarted, []string{"x.service", "y.service", "z.service"}) {
		t.Errorf("reply %+v", reply)
	}
	h.ran("restart -- x.service y.service z.service", "start --no-block keys.target")
	h.ok(message.Full, a, b)
	h.ran("start --no-block keys.target")
	b.Mode = 0o440
	h.fail["start"] = exitStatus(5, "Unit keys.target not found.")
	h.ok(message.Full, a, b)
	h.ran("restart -- y.service z.service", "start --no-block keys.target")
	h.fail["start"] = exitStatus(1, "no bus")
	if reply := h.send(message.Full, a, b); !strings.Contains(reply.Error, "starting keys.target: systemctl: exit status 1: no bus") {
		t.Errorf("reply %+v", reply)
	}
}

// A key that changed is not the same as a unit that knows of it: between the two
// an activation can fail, a connection break, or the agent die.
func TestRestartsAreOwedUntilTheyAreDone(t *testing.T) {
	h := newHost(t)
	a, b := h.key("a", "A"), h.key("b", "B")
	a.RestartUnits, b.RestartUnits = []string{"x.service"}, []string{"y.service"}
	h.ok(message.Full, a, b)
	h.ran("restart -- x.service y.service", "start --no-block keys.target")

	a.Value = message.NewSecret([]byte("A2")) // sent by a deployment that went no further
	h.ok(message.Pre, a, b)
	b.Value = message.NewSecret([]byte("B2")) // and by one that lost its host
	died := false
	func() {
		defer func() { died = recover() != nil }()
		h.at = func(s step) error {
			if s.name == "restart" {
				panic(errKilled)
			}
			return nil
		}
		h.send(message.Full, a, b)
	}()
	h.at = nil
	if !died {
		t.Fatal("it was not killed")
	}
	h.ran()
	h.fail["restart"] = exitStatus(1, "Job for y.service failed.")
	for range 2 {
		reply := h.send(message.Full, a, b)
		if want := "the keys are installed; restarting x.service, y.service: systemctl: exit status 1: Job for y.service failed."; !strings.Contains(reply.Error, want) || reply.Changed != nil {
			t.Errorf("reply %+v, want %q", reply, want)
		}
		h.ran("restart -- x.service y.service", "start --no-block keys.target")
	}
	delete(h.fail, "restart")
	if reply := h.ok(message.Full, a); !reflect.DeepEqual(reply.Restarted, []string{"x.service"}) { // b is gone meanwhile
		t.Errorf("reply %+v", reply)
	}
	h.ran("restart -- x.service", "start --no-block keys.target")
	h.ok(message.Full, a)
	h.ran("start --no-block keys.target")
}

func TestCheckChangesNothing(t *testing.T) {
	h := newHost(t)
	a := h.key("a", "A")
	if s := h.ok(message.Check, a).States; s["a"] != message.Missing {
		t.Errorf("states %v", s)
	}
	if len(h.files(h.mem)) != 0 || len(h.files(h.root)) != 0 {
		t.Error("something was made")
	}
	h.ok(message.Full, a)
	before := h.files(h.keys)
	other, unread := h.key("other", "O"), h.key("a", "")
	if s := h.ok(message.Check, a, other).States; s["a"] != message.Present || s["other"] != message.Missing {
		t.Errorf("states %v", s)
	}
	if s := h.ok(message.Check, unread).States; s["a"] != message.Present {
		t.Errorf("without a digest: %v", s)
	}
	if s := h.ok(message.Check, h.key("a", "B")).States; s["a"] != message.Different {
		t.Errorf("states %v", s)
	}
	must(t, os.Symlink("a", h.keys+"/other"))
	must(t, os.Mkdir(h.keys+"/dir", 0o700))
	if s := h.ok(message.Check, other, h.key("dir", "D")).States; s["other"] != message.Different || s["dir"] != message.Different {
		t.Errorf("states %v", s)
	}
	if h.files(h.keys)["a"] != before["a"] {
		t.Error("it was touched")
	}
	h.noLeftovers()
}

func TestManyKeys(t *testing.T) {
	h := newHost(t)
	var keys []message.Key
	want := map[string]string{}
	for i := range 200 {
		k := h.key(fmt.Sprint("key", i), fmt.Sprint("value ", i))
		keys, want[k.Name] = append(keys, k), fmt.Sprint("value ", i)
	}
	if reply := h.ok(message.Full, keys...); len(reply.Changed) != 200 {
		t.Errorf("%d changed", len(reply.Changed))
	}
	h.want(want)
	if reply := h.ok(message.Full, keys...); len(reply.Unchanged) != 200 {
		t.Errorf("%d unchanged", len(reply.Unchanged))
	}
	if reply := h.ok(message.Full, keys[0]); len(reply.Removed) != 199 {
		t.Errorf("%d removed", len(reply.Removed))
	}
	h.want(map[string]string{"key0": "value 0"})
}

func TestPartOfAMessageChangesNothing(t *testing.T) {
	h := newHost(t)
	h.ok(message.Full, h.key("a", "old"))
	before := h.files(h.keys)
	raw := frame(t, message.Message{Mode: message.Full, Keys: []message.Key{h.key("a", "Tr0ub4dor"), h.key("b", "Tr0ub4dor")}})
	bad := bytes.Clone(raw)
	bad[len(bad)-40] ^= 1
	for _, in := range [][]byte{nil, raw[:10], raw[:100], raw[:len(raw)-33], raw[:len(raw)-1], bad} {
		reply := h.installer().serve(t.Context(), bytes.NewReader(in))
		if reply.Error == "" || strings.Contains(reply.Error, "Tr0u") {
			t.Errorf("reply %+v", reply)
		}
		if after := h.files(h.keys); !reflect.DeepEqual(before, after) {
			t.Fatalf("%+v became %+v", before, after)
		}
	}
}

func TestDisksAreRefusedUnlessAllowed(t *testing.T) {
	h := newHost(t)
	k := h.key("a", "A")
	k.Dir = t.TempDir() + "/new/keys"
	var st unix.Statfs_t
	must(t, unix.Statfs(t.TempDir(), &st))
	if inMemory(&st) {
		t.Fatal("temporary files are on a tmpfs: set TMPDIR to a directory on a disk")
	}
	reply := h.send(message.Full, h.key("b", "B"), k)
	if !strings.Contains(reply.Error, "key a: "+k.Dir+" is on a disk") || reply.Changed != nil {
		t.Errorf("reply %+v", reply)
	}
	for _, dir := range []string{k.Dir, h.keys} {
		if _, err := os.Lstat(dir); err == nil {
			t.Errorf("%s is left", dir)
		}
	}
	k.Persistent = true
	h.ok(message.Full, h.key("b", "B"), k)
	if got := h.contents(k.Dir); !reflect.DeepEqual(got, map[string]string{"a": "A"}) {
		t.Errorf("there are %q", got)
	}
	h.noLeftovers()
}
