package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flakeops/internal/archive"
	"flakeops/internal/cli/exit"
	"flakeops/internal/fleet"
	"flakeops/internal/fleet/fleettest"
	"flakeops/internal/remote"
	"flakeops/internal/run"
)

// here are hosts whose files are this machine's.
func here() *fleettest.World {
	return &fleettest.World{OnExec: func(ctx context.Context, _ string, c run.Command) error {
		_, err := run.Local{}.Run(ctx, c)
		return err
	}}
}

func write(t *testing.T, file, text string) string {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(file), 0o755)
	if err == nil {
		err = os.WriteFile(file, []byte(text), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func wantFile(t *testing.T, file, want string) {
	t.Helper()
	if text, err := os.ReadFile(file); err != nil || string(text) != want {
		t.Errorf("%s: %q, %v", file, text, err)
	}
}

func scp(c scpCmd, words ...string) scpCmd {
	c.Parallel = 2
	c.files = archive.Files{Sources: words[:len(words)-1], Place: words[len(words)-1]}
	return c
}

func TestScpToHosts(t *testing.T) {
	local, there := t.TempDir(), t.TempDir()
	one := write(t, filepath.Join(local, "one"), "1")
	write(t, filepath.Join(local, "d/two"), "2")
	r := play(t, here(), scp(scpCmd{To: true}, one, filepath.Join(local, "d"), there), "a")
	wantCode(t, r, exit.Done)
	wantFile(t, filepath.Join(there, "one"), "1")
	wantFile(t, filepath.Join(there, "d/two"), "2")
	if res := r.Node("a").Result(); res.Outcome != fleet.Copied || res.Note != "2 files 2 B" {
		t.Errorf("%+v", res)
	}
	wantCode(t, play(t, here(), scp(scpCmd{To: true}, one, filepath.Join(there, "-renamed")), "a"), exit.Done)
	wantFile(t, filepath.Join(there, "-renamed"), "1")
	for _, place := range []string{filepath.Join(there, "none/"), filepath.Join(there, "none/there")} {
		wantCode(t, play(t, here(), scp(scpCmd{To: true}, one, place+"/"), "a"), exit.Other)
	}
	// What cannot be read here is the reason, and not what tar says of it there.
	if err := os.Symlink("/dev/null", filepath.Join(local, "null")); err != nil {
		t.Fatal(err)
	}
	r = play(t, here(), scp(scpCmd{To: true}, filepath.Join(local, "null"), there), "a")
	if res := r.Node("a").Result(); res.Err == nil || !strings.Contains(res.Note, "/dev/null is neither a file") {
		t.Errorf("%+v", res)
	}
}

func TestScpFromHosts(t *testing.T) {
	there, local := t.TempDir(), t.TempDir()
	write(t, filepath.Join(there, "d/two"), "2")
	one := write(t, filepath.Join(there, "-one"), "1")
	w := here()
	w.DialErr = map[string]error{"c": &remote.UnreachableError{Host: "c", Err: errors.New("no route to host")}}
	r := play(t, w, scp(scpCmd{From: true}, one, filepath.Join(there, "d/"), filepath.Join(local, "new")), "a", "b", "c")
	wantCode(t, r, exit.Unreachable)
	for _, node := range []string{"a", "b"} {
		wantFile(t, filepath.Join(local, "new", node, "-one"), "1")
		wantFile(t, filepath.Join(local, "new", node, "d/two"), "2")
	}
	r = play(t, here(), scp(scpCmd{From: true}, filepath.Join(there, "none"), local), "a")
	if res := r.Node("a").Result(); res.Err == nil || !strings.Contains(res.Note, "No such file") {
		t.Errorf("%+v", res)
	}
	wantCode(t, play(t, here(), scp(scpCmd{From: true}, one, local), ".."), exit.Other)
}
