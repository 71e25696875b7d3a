package install

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"flakeops/keys/message"
)

// victim is a file that no key may end up in, and a directory likewise.
func victim(t *testing.T, h *fakeHost) (name, dir string) {
	t.Helper()
	dir = h.mem + "/victim"
	must(t, os.Mkdir(dir, 0o755))
	name = dir + "/a"
	must(t, os.WriteFile(name, []byte("innocent"), 0o644))
	return name, dir
}

func (h *fakeHost) unharmed(dir string) {
	h.t.Helper()
	if got := h.contents(dir); !reflect.DeepEqual(got, map[string]string{"a": "innocent"}) {
		h.t.Errorf("the victim holds %q", got)
	}
	if f := h.files(dir)["a"]; f.mode != 0o644 || f.uid != 0 {
		h.t.Errorf("the victim is %+v", f)
	}
}

func TestLinksInThePlaceOfAKeyAreReplaced(t *testing.T) {
	for what, plant := range map[string]func(victim, name string) error{
		"symlink":   os.Symlink,
		"hard link": os.Link,
		"dangling":  func(_, name string) error { return os.Symlink("/nonexistent", name) },
		"itself":    func(_, name string) error { return os.Symlink(name, name) },
		"pipe":      func(_, name string) error { return unix.Mkfifo(name, 0o666) },
		"device":    func(_, name string) error { return unix.Mknod(name, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))) },
		"somebody's file": func(_, name string) error {
			return errors.Join(os.WriteFile(name, []byte("A"), 0o400), os.Chown(name, 1, 1))
		},
	} {
		t.Run(what, func(t *testing.T) {
			h := newHost(t)
			name, dir := victim(t, h)
			must(t, os.Mkdir(h.keys, 0o755))
			must(t, plant(name, h.keys+"/a"))
			if reply := h.ok(message.Full, h.key("a", "A")); len(reply.Changed) != 1 {
				t.Errorf("reply %+v", reply)
			}
			h.want(map[string]string{"a": "A"})
			if f := h.files(h.keys)["a"]; f.mode != 0o400 || f.uid != 0 {
				t.Errorf("the key is %+v", f)
			}
			h.unharmed(dir)
			h.noLeftovers()
			must(t, os.Remove(h.keys+"/a"))
			must(t, plant(name, h.keys+"/a"))
			h.ok(message.Full) // removes what is there, and nothing behind it
			h.want(map[string]string{})
			h.unharmed(dir)
		})
	}
}

func TestLinkWithTheValueItselfIsNotTheKey(t *testing.T) {
	h := newHost(t)
	must(t, os.Mkdir(h.keys, 0o755))
	must(t, os.WriteFile(h.mem+"/copy", []byte("A"), 0o400))
	must(t, os.Link(h.mem+"/copy", h.keys+"/a"))
	if reply := h.ok(message.Full, h.key("a", "A")); len(reply.Changed) != 1 {
		t.Errorf("reply %+v", reply)
	}
}

func TestUnsafeDirectoriesAreRefused(t *testing.T) {
	for want, plant := range map[string]func(t *testing.T, h *fakeHost, victim string) (dir string){
		"a symbolic link": func(t *testing.T, h *fakeHost, victim string) string {
			must(t, os.Symlink(victim, h.keys))
			return h.keys
		},
		"way is a symbolic link": func(t *testing.T, h *fakeHost, victim string) string {
			must(t, os.Symlink(victim, h.mem+"/way"))
			return h.mem + "/way/deep/keys"
		},
		"is not a directory": func(t *testing.T, h *fakeHost, victim string) string { return victim + "/a" },
		"a is a directory": func(t *testing.T, h *fakeHost, _ string) string {
			must(t, os.MkdirAll(h.keys+"/a", 0o755))
			return h.keys
		},
		"belongs to user 1,": func(t *testing.T, h *fakeHost, _ string) string {
			must(t, os.Mkdir(h.keys, 0o700))
			chown(t, h.keys, 1)
			return h.keys
		},
		"belongs to user 1, who": func(t *testing.T, h *fakeHost, _ string) string {
			must(t, os.MkdirAll(h.keys+"/deep", 0o755))
			chown(t, h.keys, 1)
			return h.keys + "/deep"
		},
		"chmod go-w": func(t *testing.T, h *fakeHost, _ string) string {
			must(t, os.Mkdir(h.keys, 0o755))
			must(t, os.Chmod(h.keys, 0o777))
			return h.keys
		},
		"written by everybody": func(t *testing.T, h *fakeHost, _ string) string {
			must(t, os.Mkdir(h.keys, 0o755))
			must(t, os.Chmod(h.keys, 0o777|os.ModeSticky))
			return h.keys
		},
	} {
		t.Run(want, func(t *testing.T) {
			h := newHost(t)
			_, dir := victim(t, h)
			k, fine := h.key("a", "A"), h.key("fine", "F")
			k.Dir, fine.Dir = plant(t, h, dir), h.mem+"/fine"
			reply := h.send(message.Full, fine, k)
			if !strings.Contains(reply.Error, want) || !strings.Contains(reply.Error, "key a: ") || reply.Changed != nil {
				t.Errorf("reply %+v", reply)
			}
			h.unharmed(dir)
			if _, err := os.Lstat(fine.Dir); err == nil {
				t.Error("the other key's directory was made")
			}
			h.noLeftovers()
		})
	}
}

// What is noted of keys is believed later, so nobody else may have written it.
func TestNotesWhereOthersCanWriteAreRefused(t *testing.T) {
	for what, spoil := range map[string]func(t *testing.T, dir string){
		"somebody's":  func(t *testing.T, dir string) { chown(t, dir, 1) },
		"everybody's": func(t *testing.T, dir string) { must(t, os.Chmod(dir, 0o777)) },
		"a link": func(t *testing.T, dir string) {
			must(t, os.Rename(dir, dir+"-moved"))
			must(t, os.Symlink(dir+"-moved", dir))
		},
	} {
		for _, dir := range []string{"/run/flakeops", "/var/lib/flakeops"} {
			h := newHost(t)
			h.ok(message.Full, h.key("a", "A"))
			spoil(t, h.root+dir)
			reply := h.send(message.Full, h.key("b", "B"))
			if !strings.Contains(reply.Error, h.root+dir+" is not a directory that only root can change") {
				t.Errorf("%s %s: reply %+v", what, dir, reply)
			}
			h.want(map[string]string{"a": "A"})
		}
	}
}

func TestRemovalGoesThroughNoLink(t *testing.T) {
	h := newHost(t)
	_, dir := victim(t, h)
	h.ok(message.Full, h.key("a", "A"))
	must(t, os.Rename(h.keys, h.mem+"/moved"))
	must(t, os.Symlink(dir, h.keys))
	reply := h.send(message.Full)
	if !strings.Contains(reply.Error, h.keys+"/a is no longer declared and cannot be removed: "+h.keys+" is a symbolic link") {
		t.Errorf("reply %+v", reply)
	}
	h.unharmed(dir)
	must(t, os.Remove(h.keys))
	must(t, os.Symlink(h.mem, h.keys)) // where there is no a
	if reply := h.ok(message.Full); reply.Removed != nil {
		t.Errorf("reply %+v", reply)
	}
}

func TestStickyDirectoryOnTheWayIsFine(t *testing.T) {
	h := newHost(t)
	must(t, os.Chmod(h.mem, 0o777|os.ModeSticky))
	h.ok(message.Full, h.key("a", "A"))
	h.want(map[string]string{"a": "A"})
}

func TestNothingPlantedAtTheTemporaryNameIsFollowed(t *testing.T) {
	for what, plant := range map[string]func(victim, name string) error{"symlink": os.Symlink, "hard link": os.Link} {
		t.Run(what, func(t *testing.T) {
			h := newHost(t)
			name, dir := victim(t, h)
			h.ok(message.Full, h.key("a", "old"))
			before := h.files(h.keys)
			h.at = func(s step) error {
				if s.name == "create" {
					return plant(name, s.path)
				}
				return nil
			}
			reply := h.send(message.Full, h.key("a", "A"))
			if !strings.Contains(reply.Error, "key a: create ") || reply.Changed != nil {
				t.Errorf("reply %+v", reply)
			}
			h.unharmed(dir)
			if after := h.files(h.keys); !reflect.DeepEqual(before, after) {
				t.Errorf("%+v became %+v", before, after)
			}
			h.noLeftovers()
		})
	}
}

func TestOwnerAndModeComeBeforeContent(t *testing.T) {
	h := newHost(t)
	k := h.key("a", "hunter2")
	k.User, k.Group, k.Mode = "daemon", "nogroup", 0o640
	var seen []string
	h.at = func(s step) error {
		if s.file == nil {
			return nil
		}
		seen = append(seen, s.name)
		f := h.files(filepath.Dir(s.path))[filepath.Base(s.path)]
		switch s.name {
		case "chown":
			if f.content != "" || f.mode != 0 || f.uid != 0 {
				t.Errorf("it begins as %+v", f)
			}
		case "content":
			if f.content != "" || f.mode != 0o640 || f.uid != 1 || f.gid != 65534 {
				t.Errorf("before its content it is %+v", f)
			}
		}
		return nil
	}
	h.ok(message.Full, k)
	if !reflect.DeepEqual(seen, []string{"chown", "content", "verify"}) {
		t.Errorf("steps %q", seen)
	}
}

func TestValueThatChangesOnItsWayToTheFileIsNoticed(t *testing.T) {
	h := newHost(t)
	h.ok(message.Full, h.key("a", "old"))
	for what, spoil := range map[string]func(*os.File) error{
		"content": func(f *os.File) error { _, err := f.WriteAt([]byte("X"), 0); return err },
		"longer":  func(f *os.File) error { _, err := f.WriteAt([]byte("X"), 3); return err },
		"shorter": func(f *os.File) error { return f.Truncate(1) },
		"mode":    func(f *os.File) error { return f.Chmod(0o644) },
		"link":    func(f *os.File) error { return os.Link(f.Name(), h.mem+"/link") },
	} {
		h.at = func(s step) error {
			if s.name == "verify" {
				return spoil(s.file)
			}
			return nil
		}
		if reply := h.send(message.Full, h.key("a", "new")); !strings.Contains(reply.Error, "is not what was written to it") {
			t.Errorf("%s: reply %+v", what, reply)
		}
		h.want(map[string]string{"a": "old"})
		h.noLeftovers()
	}
}

func TestDirectoryReplacedWhileKeysAreWrittenChangesNothingElsewhere(t *testing.T) {
	h := newHost(t)
	_, dir := victim(t, h)
	h.at = func(s step) error {
		if s.name != "content" {
			return nil
		}
		return errors.Join(os.Rename(h.keys, h.mem+"/moved"), os.Symlink(dir, h.keys))
	}
	h.send(message.Full, h.key("a", "A"))
	h.unharmed(dir)
}
