package store

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"flakeops/flake/nix/nixtest"
)

// alive says whether the garbage collector would keep the path. A nix that meets a
// root which another process is just removing dies of it, so it is asked again.
func alive(t *testing.T, path string) bool {
	t.Helper()
	for range 20 {
		out, err := exec.CommandContext(t.Context(), "nix-store", "--gc", "--print-live").Output()
		if err == nil {
			return slices.Contains(strings.Split(string(out), "\n"), path)
		}
		t.Log(err)
	}
	t.Fatal("nix does not tell what is alive")
	return false
}

func TestRootsKeepPaths(t *testing.T) {
	n, ctx := local(t)
	dir := filepath.Join(t.TempDir(), "a directory [x]", "roots")
	node := nodes(t, n, ctx, nixtest.Flake(t, `a = plain "a";`))["a"]
	if alive(t, node.Drv) {
		t.Fatal("the derivation is alive without a root")
	}
	r, err := OpenRoots(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Add(ctx, n, "a/../../x.drv", node.Drv); err != nil {
		t.Fatal(err)
	}
	if !alive(t, node.Drv) {
		t.Error("the derivation is not kept")
	}
	// Rooted before it is built.
	if err := r.Add(ctx, n, "a", node.Out); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(node.Out); err == nil {
		t.Fatal("rooting built it")
	}
	if err := n.Build(ctx, []Job{node}, func(BuildEvent) {}); err != nil {
		t.Fatal(err)
	}
	if !alive(t, node.Out) {
		t.Error("the system is not kept")
	}
	// The name stands for something else.
	file := filepath.Join(t.TempDir(), "other")
	nixtest.Write(t, filepath.Dir(file), "other", file)
	other, err := n.Add(ctx, file)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Add(ctx, n, "a", other); err != nil {
		t.Fatal(err)
	}
	if !alive(t, other) || alive(t, node.Out) {
		t.Error("the root was not turned")
	}
	if err := r.Add(ctx, n, "b", "/etc/passwd"); err == nil {
		t.Error("rooted what is not in the store")
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if alive(t, node.Drv) || alive(t, other) {
		t.Error("kept after Close")
	}
}

func TestRootsOfManyNodes(t *testing.T) {
	n, ctx := local(t)
	dir := t.TempDir()
	r, err := OpenRoots(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	const many = 2*rootBatch + 3
	var wg sync.WaitGroup
	for i := range many {
		wg.Go(func() {
			path := "/nix/store/" + strings.Repeat("0", 30) + strconv.Itoa(10+i) + "-x"
			if err := r.Add(ctx, n, strconv.Itoa(i), path); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	links, err := filepath.Glob(filepath.Join(dir, runPrefix+"*", "root-*"))
	if err != nil {
		t.Fatal(err)
	}
	targets := map[string]int{}
	for _, l := range links {
		target, err := os.Readlink(l)
		if err != nil {
			t.Fatal(err)
		}
		targets[target]++
	}
	if len(links) != 3*rootBatch || len(targets) != many+1 || targets[r.anchor] != 3*rootBatch-many {
		t.Errorf("%d links to %d targets", len(links), len(targets))
	}
	registered := nixtest.Command(t, "", "nix-store", "--gc", "--print-roots")
	if got := strings.Count(registered, r.dir); got != 3*rootBatch-many {
		t.Errorf("nix knows %d unused links:\n%s", got, registered)
	}
}

// A run that died leaves a directory without a lock; one that lives keeps its own.
func TestOpenRootsSweepsTheDead(t *testing.T) {
	dir := t.TempDir()
	living, err := OpenRoots(dir)
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestRootsChild$")
	child.Env = append(os.Environ(), "FLAKE_TEST_ROOTS="+dir)
	out, err := child.Output()
	if err != nil {
		t.Fatal(err)
	}
	dead, _, _ := strings.Cut(string(out), "\n")
	if _, err := os.Stat(dead); err != nil {
		t.Fatalf("the child left nothing at %q: %v", dead, err)
	}
	again, err := OpenRoots(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dead); err == nil {
		t.Error("the dead run's roots are still there")
	}
	if _, err := os.Stat(living.dir); err != nil {
		t.Errorf("the living run's roots: %v", err)
	}
	for _, r := range []*Roots{living, again} {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, runPrefix+"*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left after Close: %q, %v", left, err)
	}
}

// TestRootsChild is a run that ends without closing its roots, when the test
// above runs it in a process of its own; alone it opens and closes them.
func TestRootsChild(t *testing.T) {
	dir := os.Getenv("FLAKE_TEST_ROOTS")
	if dir == "" {
		dir = t.TempDir()
	}
	r, err := OpenRoots(dir)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("FLAKE_TEST_ROOTS") != "" {
		_, _ = os.Stdout.WriteString(r.dir + "\n")
		os.Exit(0)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpenRootsErrors(t *testing.T) {
	dir := t.TempDir()
	nixtest.Write(t, dir, "file", "x")
	_, err := OpenRoots(filepath.Join(dir, "file", "roots"))
	if err == nil || !strings.Contains(err.Error(), "cannot keep garbage collector roots in "+dir) {
		t.Error(err)
	}
}
