package keys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"flakeops/internal/lazy"
	"flakeops/internal/run"
	"flakeops/internal/settings"
	"flakeops/keys/message"
)

// place makes the keys of one kind of source for the conformance suite.
type place struct {
	source  Source
	holding func(t *testing.T, attr string, value []byte) settings.Key
	failing func(t *testing.T, attr string, value []byte) settings.Key // has the value at hand, and fails
}

func base(attr string) settings.Key {
	return settings.Key{Attr: attr, Name: attr, DestDir: "/run/keys", User: "root", Group: "root", Mode: 0o400, UploadAt: settings.PreActivation, Timeout: 60}
}

func places(t *testing.T) map[string]place {
	t.Helper()
	dir := t.TempDir()
	save := func(t *testing.T, attr string, value []byte) string {
		t.Helper()
		name := filepath.Join(dir, attr)
		if err := os.WriteFile(name, value, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	command := func(t *testing.T, attr, script string, value []byte) settings.Key {
		k := base(attr)
		k.Command = []string{"sh", "-c", script, "sh", save(t, attr, value)}
		return k
	}
	var mu sync.Mutex
	texts := map[string]Secret{}
	return map[string]place{
		"file": {
			source: fileSource{dir: dir},
			holding: func(t *testing.T, attr string, value []byte) settings.Key {
				k := base(attr)
				save(t, attr, value)
				k.File = attr
				return k
			},
			failing: func(t *testing.T, attr string, value []byte) settings.Key {
				k := base(attr)
				k.File = save(t, attr, value) + "/not-a-directory"
				return k
			},
		},
		"command": {
			source: commandSource{node: "web", dir: dir, runner: run.Local{}, memo: &lazy.Map[string, Secret]{}, slots: make(turn, 2)},
			holding: func(t *testing.T, attr string, value []byte) settings.Key {
				return command(t, attr, `cat "$1"`, value)
			},
			failing: func(t *testing.T, attr string, value []byte) settings.Key {
				return command(t, attr, `cat "$1"; cat "$1" >&2; exit 3`, value)
			},
		},
		"text": {
			source: &textSource{node: "web", texts: func(context.Context, string, []string) (map[string]Secret, error) { return texts, nil }},
			holding: func(_ *testing.T, attr string, value []byte) settings.Key {
				mu.Lock()
				defer mu.Unlock()
				texts[attr] = NewSecret(value)
				k := base(attr)
				k.HasText = true
				return k
			},
			failing: func(_ *testing.T, attr string, _ []byte) settings.Key {
				k := base(attr)
				k.HasText = true
				return k
			},
		},
	}
}

// TestSources is what every kind of source has to do.
func TestSources(t *testing.T) {
	for kind, p := range places(t) {
		t.Run(kind, func(t *testing.T) {
			for name, value := range map[string][]byte{
				"plain":   []byte("hunter2"),
				"line":    []byte("hunter2\n"),
				"lines":   []byte("\n  two\nlines \n\n"),
				"binary":  []byte("\x00\x01\xff\xfe\r\n\x00"),
				"byte":    {0},
				"big":     bytes.Repeat([]byte("0123456789abcdef"), 1<<16),
				"largest": bytes.Repeat([]byte("x"), message.MaxValue),
			} {
				k := p.holding(t, name, value)
				for range 2 {
					got, err := p.source.Read(t.Context(), k)
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					if !bytes.Equal(got.Reveal(), value) {
						t.Errorf("%s: %d bytes came as %d others", name, len(value), got.Len())
					}
				}
			}
			for name, value := range map[string][]byte{
				"empty":   {},
				"blank":   []byte(" \t\r\n\n"),
				"toolong": bytes.Repeat([]byte("secret"), message.MaxValue/6+1),
			} {
				got, err := p.source.Read(t.Context(), p.holding(t, name, value))
				if err == nil || got.Len() != 0 {
					t.Errorf("%s: %d bytes, error %v", name, got.Len(), err)
				} else if strings.Contains(err.Error(), "secret") && name == "toolong" {
					t.Errorf("the value is in %q", err)
				}
			}
			got, err := p.source.Read(t.Context(), p.failing(t, "bad", []byte("Tr0ub4dor&3\n")))
			if err == nil || got.Len() != 0 {
				t.Errorf("a failing source gives %d bytes, error %v", got.Len(), err)
			} else if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "Tr0ub4dor") {
				t.Errorf("the value is in %#v", err)
			}
			k := p.holding(t, "late", []byte("hunter2"))
			why := errors.New("the operator left")
			ctx, cancel := context.WithCancelCause(t.Context())
			cancel(why)
			if got, err := p.source.Read(ctx, k); !errors.Is(err, why) || got.Len() != 0 {
				t.Errorf("after the end of the context: %d bytes, error %v", got.Len(), err)
			}
			if got, err := p.source.Read(t.Context(), k); err != nil || got.Len() == 0 {
				t.Errorf("it remembers that it was interrupted: %v", err)
			}
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					if got, err := p.source.Read(t.Context(), k); err != nil || string(got.Reveal()) != "hunter2" {
						t.Errorf("at the same time: %v", err)
					}
				})
			}
			all.Wait()
		})
	}
}

func commandKey(attr string, argv ...string) settings.Key {
	k := base(attr)
	k.Command = argv
	return k
}

func sh(attr, script string, args ...string) settings.Key {
	return commandKey(attr, append([]string{"sh", "-c", script, "sh"}, args...)...)
}

func TestCommandGetsArgvDirectoryAndNames(t *testing.T) {
	dir := t.TempDir()
	r := &Reader{Dir: dir}
	got, err := r.Read(t.Context(), "web-1", []settings.Key{sh("db", `printf '%s|' "$@" "$FLAKEOPS_NODE" "$FLAKEOPS_KEY" "$(pwd)"; cat`, "a b", "$(id)", "*")})
	if err != nil {
		t.Fatal(err)
	}
	if want := "a b|$(id)|*|web-1|db|" + dir + "|"; string(got[0].Secret.Reveal()) != want {
		t.Errorf("got %q, want %q", got[0].Secret.Reveal(), want)
	}
	if _, err := r.Read(t.Context(), "web", []settings.Key{commandKey("x", "echo hunter2; true")}); err == nil {
		t.Error("a shell read the command")
	}
}

// A flake that is not here, and not at the top of its source, has a directory too.
func TestCommandOfARemoteFlakeRunsInItsDirectory(t *testing.T) {
	source := t.TempDir()
	if err := os.Mkdir(filepath.Join(source, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	for sub, want := range map[string]string{"": source, "sub": filepath.Join(source, "sub")} {
		got, err := (&Reader{Source: source, Sub: sub}).Read(t.Context(), "web", []settings.Key{commandKey("k", "pwd")})
		if err != nil || string(got[0].Secret.Reveal()) != want+"\n" {
			t.Errorf("%q: %v, want it to run in %s", sub, err, want)
		}
	}
}

func TestCommandRunsOnceForEachNodeAndKey(t *testing.T) {
	dir := t.TempDir()
	r := &Reader{Dir: dir}
	ok := func(attr string) settings.Key { return sh(attr, `echo x >>count; echo value`) }
	bad := sh("bad", `echo x >>failed; exit 1`)
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			if _, err := r.Read(t.Context(), "one", []settings.Key{ok("a"), ok("b")}); err != nil {
				t.Error(err)
			}
			if _, err := r.Read(t.Context(), "one", []settings.Key{bad}); err == nil {
				t.Error("a failure is forgotten")
			}
			if _, err := r.Read(t.Context(), "two", []settings.Key{ok("a")}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for name, want := range map[string]int{"count": 3, "failed": 1} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || bytes.Count(b, []byte("x")) != want {
			t.Errorf("%s: %d times, %v", name, bytes.Count(b, []byte("x")), err)
		}
	}
}

// Whatever a command writes may be the value, whole or in part and in any form:
// none of it is told, and the message says how to see it.
func TestCommandFailuresNameNodeAndKeyButNothingWritten(t *testing.T) {
	value := filepath.Join(t.TempDir(), "value")
	if err := os.WriteFile(value, []byte("no luck, Tr0ub4dor&3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	slow := sh("slow", `cat "$1"; cat "$1" >&2; exec sleep 600`, value)
	slow.Timeout = 1
	for want, k := range map[string]settings.Key{
		"exit status 4":             sh("k", `exit 4`),
		"exit status 5":             sh("k", `printf '\033[1mit says: ' >&2; cat "$1" >&2; exit 5`, value),
		"exit status 6":             sh("k", `set -x; token=$(cat "$1"); [ "$token" = x ] || exit 6`, value),
		"exit status 7":             sh("k", `base64 "$1" >&2; rev "$1" >&2; exit 7`, value),
		"killed by signal: killed":  sh("k", `cat "$1" >&2; kill -9 $$`, value),
		"printed nothing, though":   sh("k", `cat "$1" >&2`, value),
		"executable file not found": commandKey("k", "flakeops-no-such-program"),
		"did not end within 1s":     slow,
		"larger than 16 MiB":        sh("k", `exec yes "$(cat "$1")"`, value),
		"its output open":           sh("k", `cat "$1" >&2; sleep 5 & printf x`, value),
	} {
		t.Run(want, func(t *testing.T) {
			dir := t.TempDir()
			r := &Reader{Dir: dir}
			values, err := r.Read(t.Context(), "web", []settings.Key{sh("fine", "echo fine"), k})
			var failed *ReadError
			if !errors.As(err, &failed) || values != nil {
				t.Fatalf("%d values, error %v", len(values), err)
			}
			text := fmt.Sprintf("%v\n%+v\n%#v\n%v", err, err, err, failed.Failures)
			if !strings.Contains(text, want) || !strings.Contains(err.Error(), "web: key "+k.Attr+": ") {
				t.Errorf("error %q, want %q", err, want)
			}
			for _, leak := range []string{"luck", "Tr0ub4", "bm8gbHVja", "3&rod4bu0rT", "\x1b"} {
				if strings.Contains(text, leak) {
					t.Errorf("what it wrote is in %q", text)
				}
			}
			byHand := "cd " + dir + " && env FLAKEOPS_NODE=web FLAKEOPS_KEY=" + k.Attr + " " + run.Quote(k.Command)
			if lines := strings.Split(err.Error(), "\n"); len(lines) != 2 || !strings.HasSuffix(lines[1], byHand) {
				t.Errorf("it does not say how to run it by hand: %q, want %q", err, byHand)
			}
		})
	}
}

// The line by hand is for a shell, whatever the names in it, and is told once
// for keys that failed alike.
func TestCommandByHandIsTheSameCommand(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "my fleet")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	script := `printf '%s|' "$@" "$FLAKEOPS_NODE" "$FLAKEOPS_KEY" "$(pwd)" >>ran; exit 3`
	keys := []settings.Key{sh("it's", script, "a b", "$(id)", "*"), sh("other", script)}
	keys[0].Name = "its"
	_, err := (&Reader{Dir: dir}).Read(t.Context(), "web 1", keys)
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "keys it's, other: ") {
		t.Fatalf("error %q", err)
	}
	ran := filepath.Join(dir, "ran")
	if err := os.Remove(ran); err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(lines[1], "by hand: ")
	_ = exec.CommandContext(t.Context(), "sh", "-c", line).Run()
	got, err := os.ReadFile(ran)
	if want := "a b|$(id)|*|web 1|it's|" + dir + "|"; err != nil || string(got) != want {
		t.Errorf("%q did %q, want %q, %v", line, got, want, err)
	}
}

// What a command leaves behind may still have something to say, unless it is
// only its error output that is kept open, as by ssh's shared connections.
func TestCommandThatLeavesItsOutputOpen(t *testing.T) {
	for script, want := range map[string]string{
		`sleep 600 & echo $! >pid; printf Tr0%s ub4`:            "something that it started still has its output open",
		`sleep 600 >/dev/null & echo $! >pid; printf Tr0%s ub4`: "",
	} {
		dir := t.TempDir()
		values, err := (&Reader{Dir: dir}).Read(t.Context(), "web", []settings.Key{sh("k", script)})
		switch {
		case want == "" && (err != nil || string(values[0].Secret.Reveal()) != "Tr0ub4"):
			t.Errorf("%s: %v", script, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "Tr0u")):
			t.Errorf("%s: error %v, want %q", script, err, want)
		}
		b, err := os.ReadFile(filepath.Join(dir, "pid"))
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Errorf("it did not outlive the command: %v", err)
		}
	}
}

func TestAllFailuresAreNamedInOrder(t *testing.T) {
	var keys []settings.Key
	for i := range 12 {
		keys = append(keys, sh(fmt.Sprintf("k%02d", i), `exit $1`, fmt.Sprint(i%2)))
	}
	keys = append(keys, base("none"), func() settings.Key { k := sh("name", "echo x"); k.Name = "../x"; return k }())
	want := ""
	for range 3 {
		_, err := (&Reader{}).Read(t.Context(), "web", keys)
		if err == nil {
			t.Fatal("no error")
		}
		if want == "" {
			want = err.Error()
		}
		if err.Error() != want {
			t.Errorf("once it is %q, then %q", want, err)
		}
	}
	for _, part := range []string{"web: keys k00, k02, k04, k06, k08, k10: keyCommand sh: it printed nothing",
		"web: keys k01, k03, k05, k07, k09, k11: keyCommand sh: exit status 1", "deployment.keys.none has no source", `"../x" is no name`} {
		i := strings.Index(want, part)
		if i < 0 {
			t.Fatalf("%q lacks %q", want, part)
		}
		want = want[i:]
	}
}

func TestTextsAreEvaluatedTogether(t *testing.T) {
	text := func(attr string) settings.Key { k := base(attr); k.HasText = true; return k }
	calls := 0
	r := &Reader{Texts: func(_ context.Context, node string, attrs []string) (map[string]Secret, error) {
		calls++
		if node != "web" || strings.Join(attrs, " ") != "a b" {
			t.Errorf("asked for %s %q", node, attrs)
		}
		return map[string]Secret{"a": NewSecret([]byte("A")), "b": NewSecret([]byte("B"))}, nil
	}}
	got, err := r.Read(t.Context(), "web", []settings.Key{text("a"), sh("c", "echo C"), text("b")})
	if err != nil || calls != 1 || string(got[0].Secret.Reveal()) != "A" || string(got[2].Secret.Reveal()) != "B" {
		t.Errorf("%v, %d calls, %v", got, calls, err)
	}
	r.Texts = func(context.Context, string, []string) (map[string]Secret, error) {
		return nil, errors.New("attribute missing")
	}
	if _, err := r.Read(t.Context(), "web", []settings.Key{text("a"), text("b")}); err == nil || err.Error() != "web: keys a, b: attribute missing" {
		t.Errorf("error %v", err)
	}
}
