package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flakeops/activate/wire"
	"flakeops/internal/onhost"
	"flakeops/internal/run"
)

func TestRecordsSurviveATornLine(t *testing.T) {
	name := filepath.Join(t.TempDir(), "state", "deployments.jsonl")
	add := func(r wire.Record) {
		t.Helper()
		if err := appendRecord(name, r); err != nil {
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

	if r, ok, err := findRecord(name, "A"); err != nil || !ok || r.Outcome != wire.RolledBack {
		t.Errorf("A: %+v %v %v, want its newest record", r, ok, err)
	}
	if _, ok, err := findRecord(name, "B"); ok || err != nil {
		t.Errorf("B was never written whole: %v %v", ok, err)
	}
	if _, ok, _ := findRecord(name, "C"); !ok {
		t.Error("C is lost behind the torn line")
	}
}

func TestEventLogGoesOnWhereItStopped(t *testing.T) {
	name := filepath.Join(t.TempDir(), "events.jsonl")
	l, err := openLog(name)
	if err != nil {
		t.Fatal(err)
	}
	l.emit(wire.Event{Kind: wire.Started})
	l.emit(wire.Event{Kind: wire.Output, Message: "hello"})
	if _, err := l.f.WriteString(`{"seq":3,"kind":"outp`); err != nil { // its writer is killed
		t.Fatal(err)
	}
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	if l, err = openLog(name); err != nil {
		t.Fatal(err)
	}
	l.emit(wire.Event{Kind: wire.Finished, Outcome: wire.RolledBack})

	var out strings.Builder
	a := &agent{out: &out}
	tail := &logTail{name: name}
	defer tail.close()
	last, n, err := tail.copy(a, 2)
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
	l, err := openLog(name)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 * maxLog / wire.MaxOutput {
		l.emit(wire.Event{Kind: wire.Output, Message: strings.Repeat("x", wire.MaxOutput)})
	}
	l.emit(wire.Event{Kind: wire.Finished, Outcome: wire.Deployed})
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > maxLog+2*wire.MaxOutput || !strings.Contains(string(b), "further output is not kept") || !strings.Contains(string(b), `"outcome":"deployed"`) {
		t.Errorf("%d bytes", len(b))
	}
}

func TestLockNamesItsHolder(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	first, err := takeLock(t.Context(), name, wire.Holder{ID: "A", Operator: "ann@desk", PID: 42, Since: time.Unix(0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(name); err != nil || fi.Mode().Perm()&0o077 != 0 {
		t.Errorf("others can lock it: %v, %v", fi.Mode(), err)
	}
	_, err = takeLock(t.Context(), name, wire.Holder{ID: "B"})
	var locked *errLocked
	if !errors.As(err, &locked) || locked.holder == nil || locked.holder.ID != "A" {
		t.Fatalf("error %v", err)
	}
	for _, want := range []string{"A", "ann@desk", "42", "1970"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}
	if err := busy(name); !errors.As(err, &locked) || locked.holder == nil || locked.holder.ID != "A" {
		t.Errorf("who asks is told %v", err)
	}
	if err := os.Truncate(name, 0); err != nil {
		t.Fatal(err)
	}
	if err := busy(name); !errors.As(err, &locked) || locked.holder != nil {
		t.Errorf("who asks for a holder without a name is told %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got := make(chan error, 1)
	go func() {
		second, err := takeLock(ctx, name, wire.Holder{ID: "B"})
		if err == nil {
			second.release()
		}
		got <- err
	}()
	first.release()
	if err := <-got; err != nil {
		t.Errorf("who waits gets it in the end: %v", err)
	}
	if b, _ := os.ReadFile(name); len(b) > 0 {
		t.Errorf("a lock nobody holds names %s", b)
	}
	if err := os.WriteFile(name+"-of-one-that-was-killed", []byte(`{"id":"A"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, free := range []string{name, name + "-that-was-never-taken", name + "-of-one-that-was-killed"} {
		if err := busy(free); err != nil {
			t.Errorf("%s: %v", free, err)
		}
	}
}

// A host without a profile has none again, but the generation is not deleted.
func TestProfileThatWasNotThereIsTakenAway(t *testing.T) {
	dir := t.TempDir()
	h := &host{profile: filepath.Join(dir, "system")}
	for link, target := range map[string]string{"system-1-link": "/nix/store/new", "system": "system-1-link"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // a rollback may be done again
		if err := h.restoreProfile(t.Context(), before{Running: "/nix/store/old"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Lstat(h.profile); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the profile is still there: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "system-1-link")); err != nil {
		t.Error(err)
	}
}

func TestJudgeAfterAReboot(t *testing.T) {
	rec := wire.Record{Old: "OLD", New: "NEW"}
	for _, c := range []struct {
		running, profile string
		want             wire.Outcome
	}{
		{"OLD", "OLD", wire.RolledBack},
		{"NEW", "NEW", wire.Deployed},
		{"OLD", "NEW", wire.RollbackFailed},
		{"NEW", "OLD", wire.RollbackFailed},
		{"THIRD", "THIRD", wire.RolledBack},
	} {
		if got, why := judge(rec, c.running, c.profile); got != c.want || why == "" {
			t.Errorf("running %s, profile %s: %s (%s), want %s", c.running, c.profile, got, why, c.want)
		}
	}
}

// What runs though it failed, or was never confirmed, stays known as such until
// another system has come up well.
func TestWhatWasLeftRunningIsRemembered(t *testing.T) {
	a := &agent{layout: layout{root: t.TempDir()}}
	if err := os.MkdirAll(a.layout.runDir(), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		outcome wire.Outcome
		want    string
	}{
		{wire.LeftBroken, "NEW"}, {wire.RolledBack, "NEW"}, {wire.BootSet, "NEW"}, {wire.Deployed, ""},
		{wire.RollbackFailed, "NEW"}, {wire.Tested, ""}, {wire.RolledBack, ""},
	} {
		if err := a.markLeft(wire.Event{Outcome: c.outcome, New: "NEW"}); err != nil {
			t.Fatal(err)
		}
		if b, _ := os.ReadFile(a.layout.left()); string(b) != c.want {
			t.Errorf("after %q it knows of %q, want %q", c.outcome, b, c.want)
		}
	}
}

func TestMainRefusesOtherVerbs(t *testing.T) {
	for _, args := range [][]string{nil, {"stop"}, {"run"}, {"run", "../x"}, {"start", "now"}, {"recover", "-h"}} {
		var out, stderr strings.Builder
		if code := Main(t.Context(), args, strings.NewReader(""), &out, &stderr); code != exitUsage || !strings.Contains(stderr.String(), "usage") || out.Len() > 0 {
			t.Errorf("%q: exit %d, %q, %q", args, code, out.String(), stderr.String())
		}
	}
}

// The history is bounded, and a start stays with its end.
func TestRecordsAreBounded(t *testing.T) {
	a := &agent{layout: layout{root: t.TempDir()}}
	name := a.layout.records()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
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
	a.sweep("")
	count := map[string]int{}
	n := 0
	if err := eachRecord(name, func(_ []byte, r wire.Record) { n++; count[r.ID]++ }); err != nil {
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

// The newest event logs are kept, whatever the time is where their deployers are.
func TestEventLogsAreSweptInTheHostsOwnOrder(t *testing.T) {
	a := &agent{layout: layout{root: t.TempDir()}}
	start := time.Now().Add(-time.Hour)
	for i := range 20 {
		id := fmt.Sprintf("0%c", 'Z'-i) // each deployer's clock is behind the one before
		if err := os.MkdirAll(a.layout.deployment(id), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := onhost.WriteJSON(a.layout.request(id), wire.Request{ID: id}); err != nil {
			t.Fatal(err)
		}
		at := start.Add(time.Duration(i) * time.Minute)
		if err := os.Chtimes(a.layout.request(id), at, at); err != nil {
			t.Fatal(err)
		}
	}
	a.sweep("")
	if got := a.deployments(); len(got) != 8 || got[0] != "0N" || got[7] != "0G" {
		t.Errorf("kept %q", got)
	}
}

// Whoever reboots the host may not live to tell what for.
func TestRebootIsForetold(t *testing.T) {
	a, _ := begun(t)
	if err := appendRecord(a.layout.records(), wire.Record{ID: "ID", Old: "o", New: "n"}); err != nil {
		t.Fatal(err)
	}
	h := &host{layout: a.layout, id: "ID", runner: failing{}}
	if err := h.reboot(t.Context(), "nobody got in"); err == nil {
		t.Fatal("it goes down")
	}
	rec, _, err := findRecord(a.layout.records(), "ID")
	if err != nil || rec.Outcome != "" || rec.Message != "nobody got in" || rec.New != "n" {
		t.Errorf("on record: %+v, %v", rec, err)
	}
}

// failing runs nothing.
type failing struct{}

func (failing) Run(context.Context, run.Command) (run.Result, error) {
	return run.Result{}, errors.New("no bus")
}

// A start whose end nobody could write down gets one, from what is known of it.
func TestStartsWithoutAnEndAreSettled(t *testing.T) {
	a, _ := begun(t)
	for _, id := range []string{"ID", "NEXT"} {
		if err := appendRecord(a.layout.records(), wire.Record{ID: id, Old: "o", New: "n"}); err != nil {
			t.Fatal(err)
		}
	}
	end := wire.Event{Kind: wire.Finished, Outcome: wire.RolledBack, Message: "no space left"}
	if err := onhost.WriteJSON(a.layout.state("ID"), state{Stage: stageFinished, Final: &end}); err != nil {
		t.Fatal(err)
	}
	if err := a.settleOthers(t.Context(), "NEXT"); err != nil {
		t.Fatal(err)
	}
	open, err := openRecords(a.layout.records())
	if rec, _, _ := findRecord(a.layout.records(), "ID"); err != nil || len(open) != 1 || open[0].ID != "NEXT" || rec.Outcome != end.Outcome || rec.Message != end.Message {
		t.Errorf("open %+v, settled as %+v, %v", open, rec, err)
	}
}

func TestALinkIsTurnedOnlyToWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "system")
	for _, name := range []string{"old", "new"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("new", link); err != nil {
		t.Fatal(err)
	}
	if err := turn(link, "gone"); err == nil {
		t.Error("turned to nothing")
	}
	if got, _ := os.Readlink(link); got != "new" {
		t.Errorf("then it points to %q", got)
	}
	if err := turn(link, "old"); err != nil {
		t.Error(err)
	}
	if got, _ := os.Readlink(link); got != "old" {
		t.Errorf("it points to %q", got)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 3 {
		t.Errorf("left behind: %v", entries)
	}
}
