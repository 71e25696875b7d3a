package install

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"flakeops/internal/run"
	"flakeops/keys/message"
)

// fakeHost is a tmpfs for keys, directories for flakeops, and a systemctl that
// writes down what it is told.
type fakeHost struct {
	t      *testing.T
	keys   string // on a tmpfs; does not exist yet
	mem    string // the tmpfs
	root   string
	at     func(step) error
	busy   func() error
	settle time.Duration

	mu    sync.Mutex
	calls []string
	fail  map[string]*run.Error // by program and first argument
}

func newHost(t *testing.T) *fakeHost {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("keys are installed by root, and so are these tests run")
	}
	mem, err := os.MkdirTemp("/dev/shm", "flakeops-keys-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(mem) })
	var st unix.Statfs_t
	if err := unix.Statfs(mem, &st); err != nil || !inMemory(&st) {
		t.Fatalf("/dev/shm is no tmpfs: %v", err)
	}
	return &fakeHost{t: t, mem: mem, keys: mem + "/keys", root: t.TempDir(), fail: map[string]*run.Error{}, busy: func() error { return nil }}
}

func (h *fakeHost) Run(ctx context.Context, cmd run.Command) (run.Result, error) {
	if cmd.Argv[0] == "getent" {
		return run.Local{}.Run(ctx, cmd)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, strings.Join(cmd.Argv, " "))
	if err := h.fail[cmd.Argv[1]]; err != nil {
		return run.Result{Code: err.Code}, err
	}
	return run.Result{}, nil
}

// ran checks what systemctl was told since the last time.
func (h *fakeHost) ran(want ...string) {
	h.t.Helper()
	for i := range want {
		want[i] = "systemctl " + want[i]
	}
	if !reflect.DeepEqual(h.calls, want) {
		h.t.Errorf("ran %q, want %q", h.calls, want)
	}
	h.calls = nil
}

func (h *fakeHost) key(name, value string) message.Key {
	return message.Key{Name: name, Dir: h.keys, User: "root", Group: "root", Mode: 0o400, Value: message.NewSecret([]byte(value))}
}

func (h *fakeHost) installer() *installer {
	return &installer{root: h.root, runner: h, group: "daemon", wait: 5 * time.Second, settle: h.settle, at: h.at, busy: h.busy}
}

// send serves one message.
func (h *fakeHost) send(mode message.Mode, keys ...message.Key) message.Reply {
	h.t.Helper()
	return h.serve(message.Message{Mode: mode, Keys: keys})
}

func (h *fakeHost) serve(m message.Message) message.Reply {
	h.t.Helper()
	r, err := m.Reader()
	if err != nil {
		h.t.Fatal(err)
	}
	return h.installer().serve(h.t.Context(), r)
}

// ok is send for what has to succeed.
func (h *fakeHost) ok(mode message.Mode, keys ...message.Key) message.Reply {
	h.t.Helper()
	reply := h.send(mode, keys...)
	if reply.Error != "" {
		h.t.Fatal(reply.Error)
	}
	return reply
}

// errKilled stands for the end of the process.
var errKilled = errors.New("killed")

// killed serves a message and dies before the given step; it says false when
// there are not so many.
func (h *fakeHost) killed(m message.Message, at int) (died bool) {
	h.t.Helper()
	n := 0
	h.at = func(step) error {
		if n++; n > at {
			panic(errKilled)
		}
		return nil
	}
	defer func() {
		h.at = nil
		if p := recover(); p != nil {
			if p != any(errKilled) {
				panic(p)
			}
			died = true
		}
	}()
	h.serve(m)
	return false
}

// file is what can be seen of a file.
type file struct {
	content        string
	mode           fs.FileMode
	uid, gid       uint32
	inode          uint64
	modify, change syscall.Timespec
}

// files are all in a directory, by name.
func (h *fakeHost) files(dir string) map[string]file {
	h.t.Helper()
	all := map[string]file{}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		h.t.Fatal(err)
	}
	for _, e := range entries {
		fi, err := os.Lstat(filepath.Join(dir, e.Name()))
		if err != nil {
			h.t.Fatal(err)
		}
		st := fi.Sys().(*syscall.Stat_t)
		f := file{"", fi.Mode(), st.Uid, st.Gid, st.Ino, st.Mtim, st.Ctim}
		if fi.Mode().IsRegular() {
			b, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				h.t.Fatal(err)
			}
			f.content = string(b)
		}
		all[e.Name()] = f
	}
	return all
}

// contents are the values in a directory, temporary names included.
func (h *fakeHost) contents(dir string) map[string]string {
	h.t.Helper()
	all := map[string]string{}
	for name, f := range h.files(dir) {
		all[name] = f.content
	}
	return all
}

func (h *fakeHost) want(want map[string]string) {
	h.t.Helper()
	if got := h.contents(h.keys); !reflect.DeepEqual(got, want) {
		h.t.Errorf("there are %q, want %q", got, want)
	}
}

// noLeftovers checks that flakeops's own directories hold what they should.
func (h *fakeHost) noLeftovers() {
	h.t.Helper()
	for dir, allowed := range map[string][]string{"/run/flakeops": {"keys.lock", "keys.changed"}, "/var/lib/flakeops": {"keys.json"}} {
		for name := range h.files(h.root + dir) {
			if !slices.Contains(allowed, name) {
				h.t.Errorf("%s/%s is left", dir, name)
			}
		}
	}
}

func frame(t *testing.T, m message.Message) []byte {
	t.Helper()
	r, err := m.Reader()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMainAnswersWithOneLine(t *testing.T) {
	var out, errs bytes.Buffer
	if code := Main(t.Context(), nil, strings.NewReader("nonsense, and long enough to be read"), &out, &errs); code != 1 || errs.Len() != 0 {
		t.Errorf("exit status %d, stderr %q", code, errs.String())
	}
	if reply, err := message.DecodeReply(out.Bytes()); err != nil || !strings.Contains(reply.Error, "no message about keys") {
		t.Errorf("%q, %v", out.String(), err)
	}
}

func TestSilentDeployerIsGivenUp(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	if _, err := message.Decode(patient(t.Context(), r, 20*time.Millisecond)); err == nil || !strings.Contains(err.Error(), "sent nothing for 20ms") {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := message.Decode(patient(ctx, r, time.Hour)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func chown(t *testing.T, name string, uid int) {
	t.Helper()
	if err := os.Lchown(name, uid, uid); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func exitStatus(code int, said string) *run.Error {
	return &run.Error{Argv: []string{"systemctl"}, Code: code, Stderr: said}
}

func TestGetentIsHere(t *testing.T) {
	if _, err := exec.LookPath("getent"); err != nil {
		t.Fatal("without it nothing is learned about users that do not exist")
	}
}
