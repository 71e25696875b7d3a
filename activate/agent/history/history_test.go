package history

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flakeops/activate/wire"
)

func TestRecordsSurviveATornLine(t *testing.T) {
	name := filepath.Join(t.TempDir(), "state", "deployments.jsonl")
	add := func(r wire.Record) {
		t.Helper()
		if err := Append(name, r); err != nil {
			t.Fatal(err)
		}
	}
	add(wire.Record{ID: "A", Old: "o", New: "n"})
	// A full disk, or a power cut, stops a write anywhere.
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, append(b, `{"version":1,"id":"B","ol`...), 0o644); err != nil {
		t.Fatal(err)
	}
	add(wire.Record{ID: "A", Outcome: wire.RolledBack})
	add(wire.Record{ID: "C"})

	if r, ok, err := Find(name, "A"); err != nil || !ok || r.Outcome != wire.RolledBack {
		t.Errorf("A: %+v %v %v, want its newest record", r, ok, err)
	}
	if _, ok, err := Find(name, "B"); ok || err != nil {
		t.Errorf("B was never written whole: %v %v", ok, err)
	}
	if _, ok, _ := Find(name, "C"); !ok {
		t.Error("C is lost behind the torn line")
	}
}

func TestEventLogGoesOnWhereItStopped(t *testing.T) {
	name := filepath.Join(t.TempDir(), "events.jsonl")
	l, err := OpenLog(name)
	if err != nil {
		t.Fatal(err)
	}
	l.Emit(wire.Event{Kind: wire.Started})
	l.Emit(wire.Event{Kind: wire.Output, Message: "hello"})
	if _, err := l.f.WriteString(`{"seq":3,"kind":"outp`); err != nil { // its writer is killed
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l, err = OpenLog(name); err != nil {
		t.Fatal(err)
	}
	l.Emit(wire.Event{Kind: wire.Finished, Outcome: wire.RolledBack})

	var out strings.Builder
	send := func(e wire.Event) error {
		b, err := wire.Encode(e)
		out.Write(b)
		return err
	}
	f := &Follower{Name: name}
	defer f.Close()
	last, n, err := f.Copy(2, send)
	if err != nil || !last || n != 2 {
		t.Fatalf("last %v, %d events, %v", last, n, err)
	}
	d := wire.NewDecoder(strings.NewReader(out.String()))
	for _, want := range []int64{2, 3} {
		e, err := d.Next()
		if err != nil || e.Seq != want {
			t.Errorf("%+v, %v: want number %d", e, err, want)
		}
	}
}

func TestEventLogBoundsOutputButNotEvents(t *testing.T) {
	name := filepath.Join(t.TempDir(), "events.jsonl")
	l, err := OpenLog(name)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 * maxLog / wire.MaxOutput {
		l.Emit(wire.Event{Kind: wire.Output, Message: strings.Repeat("x", wire.MaxOutput)})
	}
	l.Emit(wire.Event{Kind: wire.Finished, Outcome: wire.Deployed})
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > maxLog+2*wire.MaxOutput || !strings.Contains(string(b), "further output is not kept") || !strings.Contains(string(b), `"outcome":"deployed"`) {
		t.Errorf("%d bytes", len(b))
	}
}

// The history is bounded, and a start stays with its end.
func TestRecordsAreBounded(t *testing.T) {
	name := filepath.Join(t.TempDir(), "deployments.jsonl")
	var b []byte
	line := func(id string, outcome wire.Outcome) {
		l, err := wire.Encode(wire.Record{ID: id, Outcome: outcome})
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, l...)
	}
	line("LONG-AGO", "")
	line("LONG-AGO", wire.Deployed)
	line("SPLIT", "")
	for i := range 10 * maxRecords {
		line(fmt.Sprint("D", i/2), []wire.Outcome{"", wire.Deployed}[i%2])
	}
	line("SPLIT", wire.RolledBack)
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Trim(name); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	n := 0
	if err := Each(name, func(_ []byte, r wire.Record) { n++; count[r.ID]++ }); err != nil {
		t.Fatal(err)
	}
	if n < maxRecords || n > maxRecords+maxRecords/5 || count["LONG-AGO"] != 0 || count["SPLIT"] != 2 {
		t.Errorf("%d records, of them %d and %d", n, count["LONG-AGO"], count["SPLIT"])
	}
	delete(count, "SPLIT")
	for id, n := range count {
		if n != 2 {
			t.Errorf("%s has %d records", id, n)
		}
	}
	if fi, err := os.Stat(name); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", fi.Mode(), err)
	}
}
