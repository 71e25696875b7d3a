package ui

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

// buffer is a bytes.Buffer that several goroutines may use.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// waitFor waits until the buffer holds text.
func (b *buffer) waitFor(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(b.String(), text); {
		if time.Now().After(deadline) {
			t.Errorf("%q does not come in %q", text, b.String())
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func TestPlainLines(t *testing.T) {
	var out, errs buffer
	u := New(Options{Stdout: &out, Stderr: &errs})
	u.Status("web", "building")
	u.Detail("web", "3 of 4")
	u.Log("web", "\x1b[1mcc\x1b[0m -o x")
	u.Line("web", "starting unit")
	u.End("web", "failed: first\nsecond\x07")
	u.Warn("dirty")
	u.Error(errors.New("no flake"))
	u.Message("bye")
	_, _ = io.WriteString(u.Diagnostics(), "12:00 DBG dial\n")
	u.Close()
	want := `web: building
web | cc -o x
web | starting unit
web: failed: first
  second` + "\ufffd" + `
warning: dirty
error: no flake
bye
12:00 DBG dial
`
	if errs.String() != want || out.String() != "" {
		t.Errorf("stdout %q\nstderr %q\nwant   %q", out.String(), errs.String(), want)
	}
}

func TestResults(t *testing.T) {
	var out, errs buffer
	u := New(Options{Stdout: &out, Stderr: &errs})
	if err := errors.Join(
		u.Table([]string{"NODE", "OUTCOME"}, [][]string{{"web", "deployed\x1b[2J"}, {"database", "rolled back\nand more"}}),
		u.Print("/nix/store/x"),
		u.JSON(map[string]int{"version": 1}),
	); err != nil {
		t.Fatal(err)
	}
	want := "NODE      OUTCOME\nweb       deployed\ndatabase  rolled back\n/nix/store/x\n"
	if out.String() != want || errs.String() != "" {
		t.Errorf("got  %q\nwant %q\nstderr %q", out.String(), want, errs.String())
	}
}

func TestJSONResultsStandAlone(t *testing.T) {
	var out buffer
	u := New(Options{Stdout: &out, Stderr: io.Discard, Form: JSON})
	if err := errors.Join(
		u.Print("path"),
		u.Table([]string{"NODE"}, [][]string{{"web"}}),
		u.JSON(map[string]any{"version": 1, "note": "a&b\u009b"}),
	); err != nil {
		t.Fatal(err)
	}
	if want := "{\n  \"note\": \"a&b\ufffd\",\n  \"version\": 1\n}\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

// A note is cut where the terminal ends, and nowhere else.
func TestTablesAreCutAtTheTerminalsWidthOnly(t *testing.T) {
	note := strings.TrimSpace(strings.Repeat("a long note ", 30))
	for width, want := range map[int]string{0: note, 1000: note, 40: "a long note a long not...", 20: "a long note a lon..."} {
		var out buffer
		o := Options{Stdout: &out, Stderr: io.Discard}
		if width > 0 {
			o.Paper = func() (int, int) { return width, 24 }
		}
		if err := New(o).Table([]string{"NODE", "NOTE"}, [][]string{{"web-1.example", note}}); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); got != "NODE           NOTE\nweb-1.example  "+want+"\n" {
			t.Errorf("%d: %q", width, got)
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestResultsThatCannotBeWritten(t *testing.T) {
	plain := New(Options{Stdout: broken{}, Stderr: broken{}})
	plain.Message("nobody hears this")
	doc := New(Options{Stdout: broken{}, Stderr: broken{}, Form: JSON})
	for name, err := range map[string]error{
		"line": plain.Print("x"), "table": plain.Table(nil, nil), "document": doc.JSON(1),
	} {
		if !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLiveView(t *testing.T) {
	var errs buffer
	u := New(Options{Stdout: io.Discard, Stderr: &errs, Size: func() (int, int) { return 40, 10 }})
	u.Status("web", "building")
	u.Log("web", "cc -o a-rather-long-name-for-a-program")
	errs.waitFor(t, "  web    0s  building  cc -o a-rather")
	u.Line("web", "starting unit")
	errs.waitFor(t, "\x1b[1A\r\x1b[Jweb | starting unit\n  web    0s  building")
	u.End("web", "deployed")
	errs.waitFor(t, "web: deployed\n")
	u.Close()
	if s := errs.String(); !strings.HasSuffix(s, "web: deployed\n") {
		t.Errorf("something is left on the terminal: %q", s[max(0, len(s)-80):])
	}
	u.Message("after")
	if !strings.HasSuffix(errs.String(), "after\n") {
		t.Errorf("%q", errs.String())
	}
	u.Close() // once more does nothing
}

func TestSuspend(t *testing.T) {
	for name, size := range map[string]func() (int, int){"plain": nil, "live": func() (int, int) { return 80, 24 }} {
		t.Run(name, func(t *testing.T) {
			var errs buffer
			u := New(Options{Stdout: io.Discard, Stderr: &errs, Size: size})
			defer u.Close()
			u.Status("web", "connecting")
			errs.waitFor(t, "connecting")
			resume := u.Suspend()
			before := errs.String()
			u.Message("held back")
			for i := range maxHeld {
				u.Message(strings.Repeat("x", i%2))
			}
			if got := errs.String(); got != before {
				t.Errorf("written while suspended: %q", got[len(before):])
			}
			resume()
			errs.waitFor(t, "held back\n")
			errs.waitFor(t, "were left out")
		})
	}
}

func TestViewFitsTheTerminal(t *testing.T) {
	now := time.Now()
	var rows []row
	for _, n := range []string{"a", "bb", "ccc", "dddd", "eeeee"} {
		rows = append(rows, row{node: n, status: "building", detail: strings.Repeat("long ", 20), since: now.Add(-90 * time.Second)})
	}
	lines := view(rows, 30, 6, now)
	if len(lines) != 4 || !strings.Contains(lines[3], "and 2 more") || !strings.Contains(lines[0], "90s") {
		t.Errorf("%q", lines)
	}
	for _, l := range lines {
		if len(l) > 29 {
			t.Errorf("%q is %d wide", l, len(l))
		}
	}
	if lines := view(rows, 1, 1, now); len(lines) != 1 {
		t.Errorf("on a tiny terminal: %q", lines)
	}
	if lines := view(nil, 80, 24, now); len(lines) != 0 {
		t.Errorf("without nodes: %q", lines)
	}
}

func TestElapsed(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0s", 599 * time.Second: "599s", 10 * time.Minute: "10m", 100 * time.Minute: "1h", 23 * time.Hour: "23h"} {
		if got := elapsed(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
