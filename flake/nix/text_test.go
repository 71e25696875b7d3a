package nix

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

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
	if got, want := fmt.Sprintf("%q", Said(stderr)), `["trace: seen" "evaluation warning: old" "  and more"]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
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

func TestParseLogOfACutLine(t *testing.T) {
	for shift := range 8 {
		line := `@nix {"action":"msg","level":0,"msg":"error: it failed` + strings.Repeat("x", shift) + strings.Repeat(`\u001b`, MaxLine)
		ev, ok := ParseLog([]byte(line)[:MaxLine])
		if text, bad := ev.Failure(); !ok || !bad || !strings.HasPrefix(text, "it failed") {
			t.Errorf("%v, %.50q", ok, text)
		}
	}
	if _, ok := ParseLog([]byte(`@nix {"action":"msg","level":0,"msg":"error: it`)); ok {
		t.Error("a line that was not cut was read though it is not JSON")
	}
}
