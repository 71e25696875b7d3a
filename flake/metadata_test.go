package flake

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"flakeops/flake/nix"
	"flakeops/flake/nix/nixtest"

	"github.com/tidwall/gjson"
)

const oneNode = `{ outputs = { self }: { nixosConfigurations.a = { }; }; }`

func TestOpenCleanGitTree(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	dir := t.TempDir()
	nixtest.Write(t, dir, "flake.nix", oneNode)
	nixtest.Commit(t, dir)
	rev := nixtest.Command(t, dir, "git", "rev-parse", "HEAD")
	f := open(t, n, ctx, dir)
	if f.Dirty || f.Revision != rev || !strings.Contains(f.URL, rev) || f.LastModified.IsZero() || f.Fingerprint == "" {
		t.Errorf("revision %s read as %+v", rev, f)
	}
	// The snapshot stays what it was, whatever happens to the tree.
	nixtest.Write(t, dir, "flake.nix", "{ not even nix")
	names, err := f.Names(ctx)
	if err != nil || len(names) != 1 || names[0] != "a" {
		t.Errorf("names of the snapshot: %q, %v", names, err)
	}
	if err := f.Unchanged(ctx); err != nil {
		t.Error(err)
	}
}

func TestOpenDirtyGitTree(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	dir := nixtest.Flake(t, `a = plain "a";`)
	nixtest.Commit(t, dir)
	nixtest.Write(t, dir, "flake.nix", strings.ReplaceAll(read(t, dir, "flake.nix"), `plain "a"`, `plain "b"`))
	f := open(t, n, ctx, dir)
	if !f.Dirty || f.Revision != "" {
		t.Fatalf("dirty tree read as %+v", f)
	}
	if e := evaluate(t, ctx, f)["a"]; e.Err != nil || !strings.HasSuffix(e.System.Out, "-nixos-system-b") {
		t.Fatalf("%+v", e)
	}
	err := f.Evaluate(ctx, []string{"a"}, WithSystem, func(Evaluation) {
		nixtest.Write(t, dir, "flake.nix", oneNode)
	})
	var changed *ChangedError
	if !errors.As(err, &changed) || !strings.Contains(err.Error(), dir) {
		t.Errorf("edit during evaluation: %v", err)
	}
}

// The version of nix may name the source without its submodules.
func TestOpenGitTreeWithSubmodules(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	t.Setenv("GIT_CONFIG_COUNT", "1")
	t.Setenv("GIT_CONFIG_KEY_0", "protocol.file.allow")
	t.Setenv("GIT_CONFIG_VALUE_0", "always")
	module := t.TempDir()
	nixtest.Write(t, module, "here.nix", "")
	nixtest.Commit(t, module)
	dir := nixtest.Flake(t, `a = plain (if builtins.pathExists ./module/here.nix then "with" else "without");`)
	nixtest.Command(t, dir, "git", "init", "-q", "-b", "main")
	nixtest.Command(t, dir, "git", "submodule", "--quiet", "add", module, "module")
	nixtest.Commit(t, dir)
	ref := "git+file://" + dir + "?submodules=1"
	for _, state := range []string{"clean", "dirty"} {
		if state == "dirty" {
			nixtest.Write(t, dir, "flake.nix", read(t, dir, "flake.nix")+"\n")
		}
		f := open(t, n, ctx, ref)
		if e := evaluate(t, ctx, f)["a"]; e.Err != nil || !strings.HasSuffix(e.System.Out, "-with") {
			t.Errorf("%s: %s is evaluated as %+v", state, f.URL, e)
		}
	}
}

func TestEvaluatedURLIsWhole(t *testing.T) {
	for _, c := range []struct{ url, locked, want string }{
		{"git+file:///a?rev=1", `{"submodules":true,"shallow":false,"lfs":true}`, "git+file:///a?rev=1&lfs=1&submodules=1"},
		{"git+file:///a", `{"allRefs":true}`, "git+file:///a?allRefs=1"},
		{"git+file:///a?dir=b&submodules=1", `{"submodules":true,"shallow":true}`, "git+file:///a?dir=b&submodules=1&shallow=1"},
		{"github:a/b/1", `{"host":"git.example.org"}`, "github:a/b/1?host=git.example.org"},
		{"github:a/b/1?host=git.example.org", `{"host":"git.example.org"}`, "github:a/b/1?host=git.example.org"},
		{"path:/a%20b?narHash=x", `{}`, "path:/a%20b?narHash=x"},
	} {
		if got := evaluated(c.url, gjson.Parse(c.locked)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.url, got, c.want)
		}
	}
}

func TestOpenPlainDirectoryIsASnapshot(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	dir := t.TempDir()
	nixtest.Write(t, dir, "flake.nix", oneNode)
	f := open(t, n, ctx, dir)
	if f.Dirty || !strings.Contains(f.URL, "narHash=") {
		t.Errorf("read as %+v", f)
	}
}

func TestOpenWithoutLock(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	dep := t.TempDir()
	nixtest.Write(t, dep, "flake.nix", "{ outputs = _: { }; }")
	source := `{ inputs.dep.url = "path:` + dep + `"; outputs = { self, dep }: { nixosConfigurations.a = { }; }; }`

	plainDir, gitDir := t.TempDir(), t.TempDir()
	nixtest.Write(t, plainDir, "flake.nix", source)
	nixtest.Write(t, gitDir, "flake.nix", source)
	nixtest.Commit(t, gitDir)
	rev := "git+file://" + gitDir + "?rev=" + nixtest.Command(t, gitDir, "git", "rev-parse", "HEAD")
	for _, ref := range []string{plainDir, gitDir, rev} {
		_, err := Open(ctx, n, ref)
		var lock *LockError
		if !errors.As(err, &lock) || !strings.Contains(err.Error(), "`nix flake lock "+ref+"`") {
			t.Errorf("%s: %v", ref, err)
		}
	}
	for _, dir := range []string{plainDir, gitDir} {
		if _, err := os.Stat(filepath.Join(dir, "flake.lock")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: flake.lock was written", dir)
		}
	}

	// What the error says to do is what helps.
	nixtest.Command(t, plainDir, "nix", "flake", "lock", plainDir)
	f := open(t, n, ctx, plainDir)
	if got := f.Inputs["dep"]; !strings.HasPrefix(got, "path:"+dep+"?narHash=sha256-") {
		t.Errorf("inputs %q", f.Inputs)
	}

	// A lock that does not fit the inputs any more is as bad as none.
	locked := read(t, plainDir, "flake.lock")
	nixtest.Write(t, plainDir, "flake.nix", strings.Replace(source, "inputs.dep", `inputs.new.url = "path:`+dep+`"; inputs.dep`, 1))
	var lock *LockError
	if _, err := Open(ctx, n, plainDir); !errors.As(err, &lock) {
		t.Errorf("stale lock: %v", err)
	}
	if read(t, plainDir, "flake.lock") != locked {
		t.Error("flake.lock was changed")
	}
	nixtest.Write(t, plainDir, "flake.lock", "<<<<<<< HEAD\n"+locked)
	if _, err := Open(ctx, n, plainDir); err == nil || !strings.Contains(err.Error(), "its flake.lock is not JSON") || !strings.Contains(err.Error(), plainDir) {
		t.Errorf("a merge conflict: %v", err)
	}
	// Overriding an input by hand is the user's own word.
	n.Flags = []string{"--override-input", "dep", "path:" + dep, "--option", "warn-dirty", "false"}
	if _, err := Open(ctx, n, gitDir); err != nil {
		t.Errorf("with --override-input: %v", err)
	}
}

func TestOpenNoFlake(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	empty := t.TempDir()
	for _, ref := range []string{empty, filepath.Join(empty, "nowhere")} {
		_, err := Open(ctx, n, ref)
		var none *NoFlakeError
		if !errors.As(err, &none) {
			t.Fatalf("%s: %v", ref, err)
		}
		if !strings.Contains(err.Error(), ref) || !strings.Contains(err.Error(), "name a directory that holds a flake.nix") {
			t.Errorf("%v", err)
		}
	}
}

// A new file that was not added is what a git tree most often lacks.
func TestFilesThatGitDoesNotTrack(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	dir := t.TempDir()
	nixtest.Write(t, dir, "README", "")
	nixtest.Commit(t, dir)
	nixtest.Write(t, dir, "flake.nix", `{ outputs = _: { nixosConfigurations.a = import ./node.nix; }; }`)
	nixtest.Write(t, dir, "node.nix", "{ }")
	tells := func(err error, file string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, file)) || !strings.Contains(err.Error(), "git add") {
			t.Errorf("%s: %v", file, err)
		}
	}
	_, err := Open(ctx, n, dir)
	tells(err, "flake.nix")
	nixtest.Command(t, dir, "git", "add", "flake.nix")
	tells(evaluate(t, ctx, open(t, n, ctx, dir))["a"].Err, "node.nix")

	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	nixtest.Write(t, dir, "sub/flake.nix", oneNode)
	for _, ref := range []string{filepath.Join(dir, "sub"), "git+file://" + dir + "?dir=sub"} {
		_, err := Open(ctx, n, ref)
		tells(err, "sub")
	}

	// What is not there either is another mistake.
	nixtest.Write(t, dir, "flake.nix", `{ outputs = _: { nixosConfigurations.a = import ./nowhere.nix; }; }`)
	if err := evaluate(t, ctx, open(t, n, ctx, dir))["a"].Err; err == nil || strings.Contains(err.Error(), "git add") {
		t.Error(err)
	}
}

func TestOpenBrokenFlake(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	dir := t.TempDir()
	nixtest.Write(t, dir, "flake.nix", "{ outputs = ")
	_, err := Open(ctx, n, dir)
	if err == nil || !strings.Contains(err.Error(), "syntax error") || !strings.Contains(err.Error(), dir) {
		t.Errorf("%v", err)
	}
}

func TestOpenWithoutNix(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Open(t.Context(), &nix.Programs{}, ".")
	if !errors.Is(err, exec.ErrNotFound) || !strings.HasPrefix(err.Error(), "nix is not in PATH: install Nix") {
		t.Errorf("%v", err)
	}
}

func TestGarbageFromNix(t *testing.T) {
	for script, want := range map[string]string{
		":":                             "nix flake metadata printed nothing where JSON was expected",
		"echo hello":                    `nix flake metadata printed something that is not the JSON expected ("hello")`,
		`echo '{"url":"path:/x","pa'`:   "is not the JSON expected",
		"echo '[]'":                     "is not the JSON expected",
		"echo '{}'":                     "without url and path",
		`printf '\033[31m{\377\000'`:    `("{`,
		"echo oops >&2; exit 3":         "oops",
		"exit 3":                        "exit status 3 without a message",
		"kill -9 $$":                    "killed",
		`echo '{"url":1,"path":"rel"}'`: "without url and path",
	} {
		nixtest.Fake(t, script)
		_, err := Open(t.Context(), &nix.Programs{}, "/some/flake")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", script, err, want)
		}
	}
}

func TestEndlessAnswerIsCut(t *testing.T) {
	nixtest.Fake(t, "exec head -c 100000000 /dev/zero")
	_, err := Open(t.Context(), &nix.Programs{}, "/some/flake")
	if err == nil || !strings.Contains(err.Error(), "nix flake metadata wrote more than 64 MB") {
		t.Errorf("%v", err)
	}
}

func TestOpenHonoursContext(t *testing.T) {
	nixtest.Fake(t, "exec sleep 600")
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("enough")
	cancel(stop)
	if _, err := Open(ctx, &nix.Programs{}, "/some/flake"); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
}

func TestInputs(t *testing.T) {
	locks := `{"root":"r","nodes":{
	  "r":{"inputs":{"a.b":"n","f":["a.b","deep"],"loop":["loop"],"gone":["x"],"t":"t","g":"g"}},
	  "n":{"inputs":{"deep":"d"},"locked":{"type":"github","owner":"o","repo":"p","rev":"123"}},
	  "d":{"locked":{"type":"git","url":"ssh://git@example.org/x?dir=y","rev":"456"}},
	  "g":{"locked":{"type":"git","url":"https://me:secret@example.org/x","rev":"789"}},
	  "t":{"locked":{"type":"tarball","url":"https://token@example.org/x.tar.gz","narHash":"sha256-a+b="}}}}`
	want := map[string]string{
		"a.b": "github:o/p/123",
		"f":   "git+ssh://git@example.org/x?dir=y&rev=456",
		"g":   "git+https://example.org/x?rev=789",
		"t":   "https://example.org/x.tar.gz?narHash=sha256-a%2Bb%3D",
	}
	got := inputs(lockedInputs(gjson.Parse(locks)))
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s: %q, want %q", k, got[k], v)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %q", got)
	}
}

func FuzzMetadata(f *testing.F) {
	f.Add(`{"url":"path:/x","path":"/nix/store/x","locked":{"type":"git"},"locks":{"root":"r","nodes":{"r":{"inputs":{"a":["a"]}}}}}`)
	f.Add(`{"url":"x","path":"/x","locks":{"nodes":{"":{"inputs":{"a":["b","b"],"b":["a","a"]}}}}}`)
	f.Add(`{"locks":`)
	f.Add(``)
	f.Fuzz(func(t *testing.T, s string) {
		fl, err := parseMetadata([]byte(s))
		if (fl == nil) == (err == nil) {
			t.Fatalf("%v and %v", fl, err)
		}
		if err != nil && !strings.Contains(err.Error(), "nix flake metadata") {
			t.Errorf("the command is not named: %v", err)
		}
		if fl != nil && (fl.URL == "" || fl.Path == "" || fl.Fingerprint == "") {
			t.Errorf("incomplete: %+v", fl)
		}
	})
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
