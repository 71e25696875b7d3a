package inspect

import (
	"context"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flakeops/internal/run"
)

// world is a host whose files are made up: commands run for real, with this machine's
// programs, below a directory that they take for the root.
type world struct {
	t     *testing.T
	dir   string
	shell []string // what runs it in the world

	readOnly bool // its root is, for commands
}

// enter mounts this machine's programs into the world, and becomes what follows its PATH.
const enter = `mount --bind "$0" "$0" && cd "$0" && for top in bin sbin lib lib64 usr etc proc sys dev; do
	if [ -L "/$top" ]; then ln -sfn "$(readlink "/$top")" "$top"
	elif [ -d "/$top" ]; then mkdir -p "$top" && mount --rbind "/$top" "$top" || exit
	fi
done && if [ "$READ_ONLY" ]; then mount -o remount,bind,ro .; fi && chroot=$(command -v chroot) && PATH=$1 && shift && exec "$chroot" . "$@"`

// worlds runs a test with each shell; with busybox's there is no other program.
func worlds(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	namespace := []string{"unshare", "--mount", "--propagation=private", "--"}
	if os.Geteuid() != 0 {
		namespace = append([]string{"unshare", "--user", "--map-root-user"}, namespace[1:]...)
	}
	if out, err := exec.Command(namespace[0], append(namespace[1:], "true")...).CombinedOutput(); err != nil {
		t.Skipf("no namespace for mounts: %s", out)
	}
	for _, shell := range [][]string{{"dash"}, {"bash"}, {"busybox", "sh"}} {
		t.Run(shell[0], func(t *testing.T) {
			file, err := exec.LookPath(shell[0])
			if err != nil {
				t.Skip(err)
			}
			w := &world{t: t, dir: t.TempDir()}
			path := "/fake:/usr/sbin:/usr/bin:/sbin:/bin"
			if shell[0] == "busybox" {
				path = "/fake:/applets"
				w.install(file)
			}
			w.shell = slices.Concat(namespace, []string{"sh", "-c", enter, w.dir, path}, shell)
			for _, dir := range []string{"run", "tmp", "fake", "root", "nix/store", "nix/var/nix/profiles"} {
				w.mkdir(dir)
			}
			test(t, w)
		})
	}
}

// install makes busybox's programs the only ones.
func (w *world) install(busybox string) {
	w.t.Helper()
	text, err := os.ReadFile(busybox)
	if err != nil {
		w.t.Fatal(err)
	}
	w.file("applets/busybox", string(text))
	out, err := exec.Command(busybox, "--list").Output()
	if err != nil {
		w.t.Fatal(err)
	}
	for name := range strings.FieldsSeq(string(out)) {
		if name != "busybox" {
			w.link("applets/"+name, "busybox")
		}
	}
}

// Run replaces the shell of a command's argv.
func (w *world) Run(ctx context.Context, cmd run.Command) (run.Result, error) {
	if cmd.Argv[0] != "sh" {
		w.t.Errorf("not a script: %q", cmd.Argv)
	}
	cmd.Argv = slices.Concat(w.shell, cmd.Argv[1:])
	if w.readOnly {
		cmd.Env = append(cmd.Env, "READ_ONLY=yes")
	}
	return run.Local{}.Run(ctx, cmd)
}

func (w *world) at(name string) string { return filepath.Join(w.dir, name) }

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) mkdir(name string) {
	w.t.Helper()
	w.must(os.MkdirAll(w.at(name), 0o755))
}

// file is executable, for that does no harm.
func (w *world) file(name, text string) {
	w.t.Helper()
	w.mkdir(filepath.Dir(name))
	w.must(os.WriteFile(w.at(name), []byte(text), 0o755))
}

func (w *world) link(name, target string) {
	w.t.Helper()
	w.mkdir(filepath.Dir(name))
	if err := os.Remove(w.at(name)); err != nil && !os.IsNotExist(err) {
		w.must(err)
	}
	w.must(os.Symlink(target, w.at(name)))
}

func (w *world) remove(name string) {
	w.t.Helper()
	w.must(os.RemoveAll(w.at(name)))
}

// fake is a program of the host.
func (w *world) fake(name, script string) { w.file("fake/"+name, "#!/bin/sh\n"+script+"\n") }

// unchanged says so when the world's files are others than before.
func (w *world) unchanged(do func()) {
	w.t.Helper()
	before := w.files()
	do()
	if after := w.files(); after != before {
		w.t.Errorf("the host was changed:\n%s\n%s", before, after)
	}
}

func (w *world) files() string {
	var b strings.Builder
	for _, top := range []string{"run", "nix", "var", "root", "tmp"} {
		w.must(filepath.WalkDir(w.at(top), func(name string, _ fs.DirEntry, err error) error {
			if err != nil && !os.IsNotExist(err) {
				return err
			}
			b.WriteString(name + "\n")
			return nil
		}))
	}
	return b.String()
}

// canned is a host that gives one answer.
type canned string

func (c canned) Run(_ context.Context, cmd run.Command) (run.Result, error) {
	for line := range strings.Lines(string(c)) {
		if _, err := io.WriteString(cmd.Stdout, line); err != nil {
			return run.Result{}, err
		}
	}
	return run.Result{}, nil
}
