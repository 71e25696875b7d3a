package store

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flakeops/flake/nix/nixtest"
)

func TestCopy(t *testing.T) {
	n, ctx := local(t)
	all := nodes(t, n, ctx, nixtest.Flake(t, `
		a = system "a" "echo $dep > $out" { dep = drv "dep" "echo > $out" { }; };`))
	node := all["a"]
	if err := n.Build(ctx, []Job{node}, func(BuildEvent) {}); err != nil {
		t.Fatal(err)
	}
	store := "file://" + t.TempDir()
	type step struct{ done, total int }
	var steps []step
	progress := func(done, total int) { steps = append(steps, step{done, total}) }
	if err := n.Copy(ctx, Copy{Store: store, Paths: []string{node.Out}, Substitute: true, Progress: progress}); err != nil {
		t.Fatal(err)
	}
	if len(steps) == 0 || steps[len(steps)-1] != (step{2, 2}) || !slices.IsSortedFunc(steps, func(a, b step) int { return a.done - b.done }) {
		t.Errorf("progress %v", steps)
	}
	there := func(path string) bool {
		_, err := os.Stat(filepath.Join(strings.TrimPrefix(store, "file://"), filepath.Base(path)[:32]+".narinfo"))
		return err == nil
	}
	if !there(node.Out) || there(node.Drv) {
		t.Error("not the output alone was copied")
	}
	steps = nil
	if err := n.Copy(ctx, Copy{Store: store, Paths: []string{node.Out}, Progress: progress}); err != nil {
		t.Fatal(err)
	}
	for _, s := range steps {
		if s.done != s.total {
			t.Errorf("nothing to do, but progress %v", steps)
		}
	}
	if err := n.Copy(ctx, Copy{Store: store, Paths: []string{node.Drv}, Derivation: true}); err != nil {
		t.Fatal(err)
	}
	if !there(node.Drv) {
		t.Error("the derivation was not copied")
	}
}

func TestCopyErrors(t *testing.T) {
	n, ctx := local(t)
	file := filepath.Join(t.TempDir(), "file")
	nixtest.Write(t, filepath.Dir(file), "file", "x")
	path, err := n.Add(ctx, file)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		copy Copy
		want string
	}{
		{Copy{Store: "file:///proc/nowhere", Paths: []string{path}}, "No such file or directory"},
		{Copy{Store: "file://" + t.TempDir(), Paths: []string{"/nix/store/00000000000000000000000000000000-gone"}}, "00000000000000000000000000000000-gone"},
		{Copy{Store: "what://is-this", Paths: []string{path}}, "what"},
	} {
		err := n.Copy(ctx, c.copy)
		var ce *CopyError
		if !errors.As(err, &ce) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "@nix") || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%+v: %v", c.copy, err)
		}
	}
}

// What a program that nix starts says is part of the error, and it gets Env.
func TestCopyTellsWhatSSHSaid(t *testing.T) {
	n, ctx := local(t)
	dir := t.TempDir()
	nixtest.Write(t, dir, "file", "x")
	path, err := n.Add(ctx, filepath.Join(dir, "file"))
	if err != nil {
		t.Fatal(err)
	}
	// Nix has begun to talk by then; else it may say only that its pipe broke.
	script := "#!/bin/sh\nhead -c 8 >/dev/null\necho \"$WORD: the host went away\" >&2\nexit 255\n"
	if err := os.WriteFile(filepath.Join(dir, "ssh"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	err = n.Copy(ctx, Copy{Store: "ssh://host-1", Paths: []string{path}, Env: []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "WORD=listen"}})
	var ce *CopyError
	if !errors.As(err, &ce) || !strings.Contains(err.Error(), "listen: the host went away") || !strings.Contains(err.Error(), "host-1") {
		t.Errorf("%v", err)
	}
}

func TestCopyingFollowsBothKindsOfLog(t *testing.T) {
	for name, log := range map[string]string{
		"paths begin and end": `{"action":"start","id":1,"text":"","type":103}
{"action":"start","id":5,"level":3,"text":"copying 2 paths","type":103}
{"action":"start","id":6,"type":100,"fields":["/nix/store/a","x","y"]}
{"action":"stop","id":6}
{"action":"start","id":7,"type":100,"fields":["/nix/store/b","x","y"]}
{"action":"stop","id":7}`,
		"progress is told": `{"action":"start","id":5,"level":3,"text":"copying 2 paths","type":103}
{"action":"result","id":5,"type":105,"fields":[1,2,1,0]}
{"action":"result","id":9,"type":105,"fields":[100,2000,1,0]}
{"action":"result","id":5,"type":105,"fields":[2,2,0,0]}`,
	} {
		var got []int
		c := copying{progress: func(done, total int) { got = append(got, done*10+total) }}
		for l := range strings.SplitSeq(log, "\n") {
			c.line([]byte("@nix " + l))
		}
		if !slices.Equal(got, []int{2, 12, 22}) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAdd(t *testing.T) {
	n, ctx := local(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "program")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	path, err := n.Add(ctx, file)
	if err != nil || !strings.HasSuffix(path, "-program") {
		t.Fatalf("%q, %v", path, err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode()&0o111 == 0 {
		t.Errorf("%v, %v", st, err)
	}
	again, err := n.Add(ctx, file)
	if err != nil || again != path {
		t.Errorf("%q, %v", again, err)
	}
	if _, err := n.Add(ctx, filepath.Join(dir, "none")); err == nil || !strings.Contains(err.Error(), "none to the store: ") {
		t.Error(err)
	}
}
