package install

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"flakeops/keys/message"
)

// change is a message that adds, replaces, keeps and removes keys, on a tmpfs
// and, if disk is set, in a directory on a disk.
func change(t *testing.T, h *fakeHost, disk string) (first, second message.Message, old, now map[string]string) {
	t.Helper()
	first.Mode, second.Mode = message.Full, message.Full
	first.Keys = []message.Key{h.key("gone", "G"), h.key("kept", "K"), h.key("same", "S"), h.key("two", "2")}
	second.Keys = []message.Key{h.key("fresh", "new F"), h.key("kept", "new K"), h.key("same", "S"), h.key("two", "new 2")}
	if disk != "" {
		for _, m := range []message.Message{first, second} {
			m.Keys[3].Dir, m.Keys[3].Persistent = disk, true
		}
	}
	old = map[string]string{"gone": "G", "kept": "K", "same": "S", "two": "2"}
	now = map[string]string{"fresh": "new F", "kept": "new K", "same": "S", "two": "new 2"}
	return first, second, old, now
}

// all are the values in both places.
func (h *fakeHost) all(disk string) map[string]string {
	got := h.contents(h.keys)
	if disk != "" {
		for name, value := range h.contents(disk) {
			got[name] = value
		}
	}
	return got
}

func TestKilledAnywhereAndResumed(t *testing.T) {
	for where, onDisk := range map[string]bool{"memory": false, "disk": true} {
		t.Run(where, func(t *testing.T) {
			olds, news := 0, 0
			for at := 0; ; at++ {
				h, disk := newHost(t), ""
				if onDisk {
					disk = t.TempDir() + "/keys"
				}
				first, second, old, now := change(t, h, disk)
				if reply := h.serve(first); reply.Error != "" {
					t.Fatal(reply.Error)
				}
				same := h.files(h.keys)["same"]
				if !h.killed(second, at) {
					break
				}
				// The next call dies as well, once at each of its steps.
				for again := 0; again < 3; again++ {
					h.killed(message.Message{Mode: message.Pre}, again)
				}
				if reply := h.send(message.Pre); reply.Error != "" {
					t.Fatalf("killed at %d: %s", at, reply.Error)
				}
				switch got := h.all(disk); {
				case reflect.DeepEqual(got, old):
					olds++
				case reflect.DeepEqual(got, now):
					news++
				default:
					t.Errorf("killed at step %d: there are %q", at, got)
				}
				h.noLeftovers()
				if h.files(h.keys)["same"] != same {
					t.Errorf("killed at %d: the unchanged key was touched", at)
				}
				if reply := h.serve(second); reply.Error != "" {
					t.Errorf("killed at %d, then: %s", at, reply.Error)
				}
				if got := h.all(disk); !reflect.DeepEqual(got, now) {
					t.Errorf("killed at %d, then: there are %q", at, got)
				}
			}
			if olds < 10 || news < 10 {
				t.Errorf("%d times the old set, %d times the new: that is not every step", olds, news)
			}
		})
	}
}

func TestFailingAnywhereIsTakenBack(t *testing.T) {
	failed := errors.New("out of luck")
	for at := 0; ; at++ {
		h := newHost(t)
		first, second, old, now := change(t, h, "")
		h.serve(first)
		before := h.files(h.keys)
		n, where := 0, ""
		h.at = func(s step) error {
			if n++; n == at+1 {
				where = s.name
				return failed
			}
			return nil
		}
		reply := h.serve(second)
		h.at = nil
		if where == "" {
			if at < 15 {
				t.Errorf("only %d steps", at)
			}
			break
		}
		if !strings.Contains(reply.Error, failed.Error()) {
			t.Errorf("%s: reply %+v", where, reply)
		}
		if len(reply.Changed) > 0 { // after the last renaming: the next call cleans up
			if reply := h.send(message.Pre); reply.Error != "" {
				t.Errorf("%s: %s", where, reply.Error)
			}
			h.want(now)
		} else {
			h.want(old)
			for name, f := range h.files(h.keys) {
				if b := before[name]; f.inode != b.inode || f.modify != b.modify || f.mode != b.mode {
					t.Errorf("%s: %s is another file", where, name)
				}
			}
		}
		h.noLeftovers()
	}
}

// With no room left, not even that something failed can be written down. What is
// taken back stays so.
func TestFailureThatCannotBeRecordedIsTakenBack(t *testing.T) {
	for _, first := range []string{"journal committing", "keep", "rename", "sync"} {
		h := newHost(t)
		old, now, before, _ := change(t, h, "")
		h.serve(old)
		h.at = func(s step) error {
			if s.name == first || s.name == "journal undoing" {
				return errors.New("no space left")
			}
			return nil
		}
		reply := h.serve(now)
		h.at = nil
		if !strings.Contains(reply.Error, "no space left") || strings.Contains(reply.Error, "taking it back") || reply.Changed != nil {
			t.Errorf("%s: reply %+v", first, reply)
		}
		h.want(before)
		h.noLeftovers()
		if reply := h.send(message.Pre); reply.Error != "" {
			t.Errorf("%s: %s", first, reply.Error)
		}
		h.want(before)
	}
}

// A call that dies while it takes back what failed has that completed.
func TestKilledWhileUndoing(t *testing.T) {
	for at := range 4 {
		h := newHost(t)
		first, second, old, _ := change(t, h, "")
		h.serve(first)
		undone := 0
		renamed := 0
		func() {
			defer func() { _ = recover() }()
			h.at = func(s step) error {
				switch s.name {
				case "rename":
					if renamed++; renamed == 3 {
						return errors.New("out of luck")
					}
				case "backward":
					if undone++; undone == at+1 {
						panic(errKilled)
					}
				}
				return nil
			}
			h.serve(second)
		}()
		h.at = nil
		if undone != at+1 {
			t.Fatalf("%d steps back, not %d", undone, at+1)
		}
		if reply := h.send(message.Pre); reply.Error != "" {
			t.Error(reply.Error)
		}
		h.want(old)
		h.noLeftovers()
	}
}

// What a killed call left is gone on with until it succeeds, and nothing else is
// done before.
func TestResumingThatFailsIsTriedAgain(t *testing.T) {
	failed := errors.New("out of luck")
	hindered := 0
	for at := 0; ; at++ {
		h := newHost(t)
		first, second, old, now := change(t, h, "")
		h.serve(first)
		if !h.killed(second, at) {
			break
		}
		for nth := 1; ; nth++ {
			n := 0
			h.at = func(s step) error {
				if s.name == "forward" || s.name == "backward" {
					if n++; n == nth {
						return failed
					}
				}
				return nil
			}
			reply := h.send(message.Pre, h.key("other", "O"))
			h.at = nil
			if n < nth {
				break
			}
			hindered++
			if !strings.Contains(reply.Error, "finishing what an earlier call left: out of luck") || reply.Changed != nil {
				t.Errorf("killed at %d, failed at %d: reply %+v", at, nth, reply)
			}
		}
		got := h.contents(h.keys)
		delete(got, "other")
		if !reflect.DeepEqual(got, old) && !reflect.DeepEqual(got, now) {
			t.Errorf("killed at %d: there are %q", at, got)
		}
		h.noLeftovers()
	}
	if hindered < 10 {
		t.Errorf("only %d times something was in the way", hindered)
	}
}

// What cannot be noted is not done, or is said.
func TestNotesThatCannotBeWritten(t *testing.T) {
	for name, c := range map[string]struct {
		before string // the step
		done   bool
	}{
		"/run/flakeops/keys.journal":  {"journal writing", false},
		"/run/flakeops/keys.changed":  {"owe", true},
		"/var/lib/flakeops/keys.json": {"manifest", true},
	} {
		h := newHost(t)
		h.ok(message.Full, h.key("a", "A"))
		h.at = func(s step) error {
			if s.name == c.before {
				return errors.Join(os.RemoveAll(h.root+name), os.MkdirAll(h.root+name+"/in the way", 0o700))
			}
			return nil
		}
		reply := h.send(message.Pre, h.key("a", "B"), h.key("b", "B"))
		h.at = nil
		if !strings.Contains(reply.Error, h.root+name) || (reply.Changed != nil) != c.done {
			t.Errorf("%s: reply %+v", name, reply)
		}
		if c.done {
			h.want(map[string]string{"a": "B", "b": "B"})
		} else {
			h.want(map[string]string{"a": "A"})
		}
	}
}

// A power cut takes what is in memory; what is on disk is completed.
func TestPowerCutInTheMiddle(t *testing.T) {
	h, disk := newHost(t), t.TempDir()+"/keys"
	first, second, _, now := change(t, h, disk)
	h.serve(first)
	func() {
		defer func() { _ = recover() }()
		h.at = func(s step) error {
			if s.name == "rename" {
				panic(errKilled)
			}
			return nil
		}
		h.serve(second)
	}()
	h.at = nil
	must(t, os.RemoveAll(h.keys))
	must(t, os.RemoveAll(h.root+"/run"))
	if got := h.contents(disk)["two"]; got != "2" {
		t.Errorf("before the next call it is %q", got)
	}
	h.ok(message.Pre)
	if got := h.contents(disk); !reflect.DeepEqual(got, map[string]string{"two": "new 2"}) {
		t.Errorf("on disk there are %q", got)
	}
	h.serve(second)
	if got := h.all(disk); !reflect.DeepEqual(got, now) {
		t.Errorf("there are %q", got)
	}
	h.noLeftovers()
}

func TestFullDiskChangesNothing(t *testing.T) {
	h := newHost(t)
	small := h.mem + "/small"
	must(t, os.Mkdir(small, 0o755))
	must(t, unix.Mount("none", small, "tmpfs", 0, "size=64k,mode=755"))
	t.Cleanup(func() { must(t, unix.Unmount(small, 0)) })
	h.keys = small + "/keys"
	h.ok(message.Full, h.key("a", "old"))
	before := h.files(h.keys)
	reply := h.send(message.Full, h.key("a", "new"), h.key("b", strings.Repeat("x", 128<<10)))
	if !strings.Contains(reply.Error, "key b: ") || !strings.Contains(reply.Error, "no space left") {
		t.Errorf("reply %.200q", reply.Error)
	}
	if after := h.files(h.keys); !reflect.DeepEqual(before, after) {
		t.Errorf("%+v became %+v", before, after)
	}
	h.noLeftovers()
}

func TestTwoMessagesWaitForEachOther(t *testing.T) {
	h := newHost(t)
	l, err := h.installer().lock(t.Context())
	must(t, err)
	i := h.installer()
	i.wait = 30e6
	reply := i.serve(t.Context(), strings.NewReader(string(frame(t, message.Message{Mode: message.Full, Keys: []message.Key{h.key("a", "A")}}))))
	if !strings.Contains(reply.Error, "installed by somebody else for 30ms: try again") {
		t.Errorf("reply %+v", reply)
	}
	l.release()
	done := make(chan message.Reply)
	for n := range 4 {
		m := message.Message{Mode: message.Full, Keys: []message.Key{h.key("a", fmt.Sprint(n)), h.key("b", fmt.Sprint(n))}}
		raw := string(frame(t, m))
		go func() { done <- h.installer().serve(t.Context(), strings.NewReader(raw)) }()
	}
	for range 4 {
		if reply := <-done; reply.Error != "" {
			t.Error(reply.Error)
		}
	}
	if got := h.contents(h.keys); len(got) != 2 || got["a"] != got["b"] {
		t.Errorf("there are %q", got)
	}
}

func TestDamagedStateIsNamed(t *testing.T) {
	for _, name := range []string{"/var/lib/flakeops/keys.json", "/run/flakeops/keys.journal", "/var/lib/flakeops/keys.journal"} {
		for _, content := range []string{"{", `{"version":7}`, `{"version":1,"state":"committing","keys":["../x"],"entries":[{"dir":"/etc","name":"../passwd","temp":".flakeops-key-x"}]}`} {
			h := newHost(t)
			h.ok(message.Full, h.key("a", "A"))
			must(t, os.WriteFile(h.root+name, []byte(content), 0o600))
			reply := h.send(message.Full, h.key("a", "B"))
			if !strings.Contains(reply.Error, h.root+name) {
				t.Errorf("%s with %s: %+v", name, content, reply)
			}
			h.want(map[string]string{"a": "A"})
		}
	}
}
