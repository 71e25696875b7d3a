package flake

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"flakeops/internal/run"
)

// deaf is a Runner under which every program ends well and says nothing.
type deaf struct{}

func (deaf) Run(context.Context, run.Command) (run.Result, error) { return run.Result{}, nil }

func TestReason(t *testing.T) {
	for name, c := range map[string]struct{ stderr, want string }{
		"old, short":  {"warning: Git tree '/x' is dirty\nerror: this node is broken\n(use '--show-trace' to show detailed location information)\n", "this node is broken"},
		"old, place":  {"error: attribute 'nah' missing\n\n       at «string»:1:5:\n\n            1| cs: cs.nah\n             |     ^\n       Did you mean bad?\n", "attribute 'nah' missing\n\nat «string»:1:5:\n\n     1| cs: cs.nah\n      |     ^\nDid you mean bad?"},
		"old, lines":  {"error: conf broken\n       second line\n", "conf broken\nsecond line"},
		"old, error":  {"error: first\n       error: second\n       third\n", "first\nerror: second\nthird"},
		"new, error":  {"error:\n       … while\n\n       error: first\n       error: second\n", "first\nerror: second"},
		"new, below":  {"error:\n       … while\n\n       error:\n       Failed assertions:\n       - x\n", "Failed assertions:\n- x"},
		"two errors":  {"error: one\n       more of it\nerror: two\n", "two"},
		"new, traced": {"error:\n       … while evaluating the attribute 'bad'\n         at /x/flake.nix:14:7:\n           13|       error = 1;\n             |       ^\n\n       (stack trace truncated; use '--show-trace' to show the full, detailed trace)\n\n       error: this node is broken\n       and more\n", "this node is broken\nand more"},
		"assertions":  {"error:\n       Failed assertions:\n       - The root file system must be set\n", "Failed assertions:\n- The root file system must be set"},
		"no error":    {"ssh: no route to host\n", "ssh: no route to host"},
		"git":         {"warning: slow\nfatal: 'x' is no repository\n\nerror: program 'git' failed with exit code 128\n(use '--show-trace' to show detailed location information)\n", "program 'git' failed with exit code 128\nfatal: 'x' is no repository"},
		"coloured":    {"\x1b[31;1merror:\x1b[0m path '\x1b[35;1m/x\x1b[0m' is bad\n", "path '/x' is bad"},
		"empty":       {"\n", ""},
	} {
		if got := reason(c.stderr, false); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	long := "error: x\n" + strings.Repeat("       more\n", 100)
	if got := strings.Count(reason(long, false), "\n"); got > maxReason {
		t.Errorf("%d lines", got)
	}
	if got := strings.Count(reason(long, true), "\n"); got < 99 {
		t.Errorf("with trace only %d lines", got)
	}
}

func TestSaid(t *testing.T) {
	stderr := "warning: Git tree '/x' is dirty\n" +
		"copying path '/nix/store/x' from 'https://cache.example.org'...\n" +
		"warning: error: SQLite database '/nix/var/nix/db/db.sqlite' is busy\nwarning: SQLite database '/root/x.sqlite' is busy\n" +
		"these 2 derivations will be built:\n  /nix/store/a.drv\n  /nix/store/b.drv\nbuilding '/nix/store/a.drv'...\n" +
		"this path will be fetched (0.1 MiB download, 1 MiB unpacked):\n  /nix/store/c\n" +
		"\x1b[35;1mtrace: \x1b[0mseen\nunpacking 'github:a/b' into the Git cache...\n\n" +
		"evaluation warning: old\n  and more\n"
	if got, want := fmt.Sprintf("%q", said(stderr)), `["trace: seen" "evaluation warning: old" "  and more"]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestUntrackedInTheWordsOfEachVersion(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{".git", "lib"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write(t, root, "lib/v.nix", "")
	for message, want := range map[string]bool{
		"getting status of '/nix/store/x-source/lib/v.nix': No such file or directory":   true,
		"opening file '/nix/store/x-source/lib/v.nix': No such file or directory":        true,
		"path '/nix/store/x-source/lib/v.nix' does not exist":                            true,
		"path '«git+file:///x?ref=refs/heads/main&rev=30acd3»/lib/v.nix' does not exist": true,
		"path '/nix/store/x-source/lib/other.nix' does not exist":                        false,
		"path '/nix/store/x-other/lib/v.nix' does not exist":                             false,
		"something else": false,
	} {
		if got := untracked(message, root) != ""; got != want {
			t.Errorf("%s: %v", message, got)
		}
		if untracked(message, "") != "" || untracked(message, filepath.Join(root, "lib")) != "" {
			t.Errorf("%s: told of no git tree", message)
		}
	}
}

func TestGitRoot(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, ".git"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(root, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Join(root, "sub"))
	for ref, want := range map[string]string{
		".": root, "..": root, "./deep/er": root, "..?dir=sub": root, root + "?ref=main": root, "git+file://" + root + "?dir=sub": root,
		"git+file:..": root, "path:" + root: "", "path:.": "", "github:a/b": "", "sub": "", "git+ssh://host" + root: "", "/": "",
	} {
		if got := gitRoot(ref); got != want {
			t.Errorf("%s: %q, want %q", ref, got, want)
		}
	}
}

func TestSplitRef(t *testing.T) {
	for arg, want := range map[string]string{
		"":                  ". ",
		".":                 ". ",
		"#web":              ". web",
		".#a.b":             ". a.b",
		"github:o/r#x#y":    "github:o/r x#y",
		"/x?dir=y#$(touch)": "/x?dir=y $(touch)",
		"x#":                "error: no node after #",
		"-x":                `error: flake reference "-x" begins with a dash: write ./-x`,
		"a\nb":              "error: flake reference",
	} {
		ref, node, err := SplitRef(arg)
		got := ref + " " + node
		if err != nil {
			got = "error: " + err.Error()
		}
		if msg, bad := strings.CutPrefix(want, "error: "); bad && (err == nil || !strings.HasPrefix(err.Error(), msg)) || !bad && got != want {
			t.Errorf("%q: %q, want %q", arg, got, want)
		}
	}
	if _, err := (&Nix{}).Open(t.Context(), "--help"); err == nil || !strings.Contains(err.Error(), "begins with a dash") {
		t.Error(err)
	}
}

func TestLinesAreBounded(t *testing.T) {
	var got []string
	w := &lines{handle: func(l []byte) { got = append(got, string(l)) }}
	for _, s := range []string{"a\nb", "c\r\n", "\n", strings.Repeat("x", maxLine), strings.Repeat("y", maxLine), "\nend"} {
		if n, err := w.Write([]byte(s)); n != len(s) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	w.end()
	want := []string{"a", "bc", "", strings.Repeat("x", maxLine), "end"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%d lines: %.100q", len(got), got)
	}
	if cap(w.buf) > 2*maxLine {
		t.Errorf("keeps %d bytes", cap(w.buf))
	}
}

func FuzzInternalJSONLog(f *testing.F) {
	f.Add("@nix {\"action\":\"start\",\"id\":1,\"type\":105,\"fields\":[\"/nix/store/00000000000000000000000000000000-x.drv\"]}\n@nix {\"action\":\"result\",\"id\":1,\"type\":101,\"fields\":[\"\\u001b[31mx\"]}\n@nix {\"action\":\"stop\",\"id\":1}\n")
	f.Add("@nix {\"action\":\"msg\",\"level\":0,\"msg\":\"error: builder for '/nix/store/00000000000000000000000000000000-x.drv' failed\"}\n")
	f.Add("@nix {\"action\":\"result\",\"id\":0,\"type\":105,\"fields\":[-1,1e300,{}]}\n@nix {\"action")
	f.Add("ssh: \x1b]0;title\x07gone\n")
	f.Fuzz(func(t *testing.T, s string) {
		b := newBuild(t.Context(), &Nix{Runner: deaf{}}, []Job{{Node: "a"}}, func(ev BuildEvent) {
			if strings.ContainsFunc(ev.Line, control) {
				t.Errorf("control characters in %q", ev.Line)
			}
		})
		last := 0
		c := copying{progress: func(done, total int) {
			if done < last || done > total {
				t.Errorf("progress from %d to %d of %d", last, done, total)
			}
			last = done
		}}
		for _, handle := range []func([]byte){b.line, c.line} {
			w := &lines{handle: handle}
			_, _ = w.Write([]byte(s))
			w.end()
		}
		for _, f := range b.failures {
			if len(f.log) > tailLines || strings.Contains(f.reason, "\n") {
				t.Errorf("%+v", f)
			}
		}
	})
}

func FuzzReason(f *testing.F) {
	f.Add("error:\n … while\n error: x\n", false)
	f.Add("\x1b[31merror\xff:", true)
	f.Fuzz(func(t *testing.T, s string, trace bool) {
		got := reason(s, trace)
		if strings.ContainsFunc(got, control) {
			t.Errorf("control characters in %q", got)
		}
		if utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Errorf("%q is not UTF-8", got)
		}
		if !trace && strings.Count(got, "\n") > maxReason {
			t.Errorf("%d lines", strings.Count(got, "\n"))
		}
	})
}

func TestBuildReason(t *testing.T) {
	const drv = "/nix/store/00000000000000000000000000000000-x.drv"
	for text, want := range map[string]string{
		"builder for '" + drv + "' failed with exit code 3": "its builder failed with exit code 3",
		"builder for '" + drv + "' failed with exit code 1;\n       last 2 log lines:\n       > a\n       For full logs, run 'nix log x'.": "its builder failed with exit code 1",
		"Cannot build '" + drv + "'.\n       Reason: builder failed with exit code 1.\n       Output paths:\n         /nix/store/x\n":      "builder failed with exit code 1",
		"Cannot build '" + drv + "'.\n       Reason: platform mismatch\n       Required system: 'a'\n       Current system: 'b'":           "platform mismatch Required system: 'a' Current system: 'b'",
		"hash mismatch in fixed-output derivation '" + drv + "':\n         specified: a\n            got:    b":                            "hash mismatch in fixed-output derivation '" + drv + "': specified: a got:    b",
	} {
		if got := buildReason(text, drv); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestParseLogOfACutLine(t *testing.T) {
	for shift := range 8 {
		line := `@nix {"action":"msg","level":0,"msg":"error: it failed` + strings.Repeat("x", shift) + strings.Repeat(`\u001b`, maxLine)
		ev, ok := parseLog([]byte(line)[:maxLine])
		if text, bad := ev.failure(); !ok || !bad || !strings.HasPrefix(text, "it failed") {
			t.Errorf("%v, %.50q", ok, text)
		}
	}
	if _, ok := parseLog([]byte(`@nix {"action":"msg","level":0,"msg":"error: it`)); ok {
		t.Error("a line that was not cut was read though it is not JSON")
	}
}
