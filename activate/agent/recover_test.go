package agent

import (
	"os"
	"strings"
	"testing"

	"flakeops/activate/agent/history"
	"flakeops/activate/agent/lock"
	"flakeops/activate/wire"
	"flakeops/internal/onhost"
	"flakeops/internal/run"
)

// begun is an agent on a host of its own, where a deployment has just been
// prepared.
func begun(t *testing.T) (*agent, *strings.Builder) {
	t.Helper()
	var out strings.Builder
	a := &agent{layout: layout{root: t.TempDir()}, runner: run.Local{}, out: &out}
	if err := os.MkdirAll(a.layout.deployment("ID"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := onhost.WriteJSON(a.layout.request("ID"), wire.Request{ID: "ID"}); err != nil {
		t.Fatal(err)
	}
	return a, &out
}

func (a *agent) logged(t *testing.T, events ...wire.Event) {
	t.Helper()
	l, err := history.OpenLog(a.layout.events("ID"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		l.Emit(e)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// The recovery of what ended, or was refused, neither waits for the lock, which
// another deployment holds, nor takes it from the next.
func TestRecoverOfWhatIsOverLeavesTheLockAlone(t *testing.T) {
	for _, last := range []wire.Event{
		{Kind: wire.Refused, ID: "ID", Message: "locked"},
		{Kind: wire.Finished, ID: "ID", Outcome: wire.Deployed},
	} {
		a, _ := begun(t)
		a.logged(t, last)
		held, err := lock.Take(t.Context(), a.layout.lock(), wire.Holder{ID: "OTHER"})
		if err != nil {
			t.Fatal(err)
		}
		e, err := a.recover(t.Context(), "ID")
		if err != nil || e.Kind != last.Kind {
			t.Errorf("%s: %+v, %v", last.Kind, e, err)
		}
		if h := lock.Holder(a.layout.lock()); h == nil || h.ID != "OTHER" {
			t.Errorf("the lock names %+v", h)
		}
		held.Release()
	}
}

// The end that a dead main process has on record, but could not tell of.
func TestRecoverTellsTheEndOnRecord(t *testing.T) {
	a, out := begun(t)
	a.logged(t, wire.Event{Kind: wire.Started})
	if err := onhost.WriteJSON(a.layout.state("ID"), state{Stage: stageFinished, Final: &wire.Event{Kind: wire.Finished, ID: "ID", Outcome: wire.Deployed}}); err != nil {
		t.Fatal(err)
	}
	tail := &history.Follower{Name: a.layout.events("ID")}
	defer tail.Close()
	if err := a.followToEnd(t.Context(), "ID", tail, 2); err != nil {
		t.Fatal(err)
	}
	e, err := wire.NewDecoder(strings.NewReader(out.String())).Next()
	if err != nil || e.Outcome != wire.Deployed || e.Seq != 2 {
		t.Errorf("it sent %q: %+v, %v", out.String(), e, err)
	}
}

// What has ended is not gone through once more because that it ended is not on
// record: somebody may have put the host right since.
func TestWhatHasEndedIsNotSettledAgain(t *testing.T) {
	a, _ := begun(t)
	a.logged(t, wire.Event{Kind: wire.Started}, wire.Event{Kind: wire.Finished, ID: "ID", Outcome: wire.Deployed})
	if err := onhost.WriteJSON(a.layout.state("ID"), state{Stage: stageCommitting, ProfileTouched: true}); err != nil {
		t.Fatal(err)
	}
	if err := a.settleOthers(t.Context(), "NEXT"); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(a.layout.records()); err == nil {
		t.Errorf("it was settled: %s", b)
	}
	if a.unfinished("ID") {
		t.Error("it will be asked about again")
	}
}

// Where /run was full at the end, only the record on disk tells of it. A commit
// must not be done again after a rollback.
func TestWhatTheRecordTellsTheEndOfIsNotDoneAgain(t *testing.T) {
	a, _ := begun(t)
	a.logged(t, wire.Event{Kind: wire.Started})
	if err := onhost.WriteJSON(a.layout.state("ID"), state{Stage: stageCommitting, ProfileTouched: true}); err != nil {
		t.Fatal(err)
	}
	for _, outcome := range []wire.Outcome{"", wire.RolledBack} {
		if err := history.Append(a.layout.records(), wire.Record{ID: "ID", Outcome: outcome, Message: "no space"}); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.ReadFile(a.layout.records())
	if err != nil {
		t.Fatal(err)
	}
	e, _ := a.recover(t.Context(), "ID")
	if e.Kind != wire.Finished || e.Outcome != wire.RolledBack || e.Message != "no space" {
		t.Errorf("it ended with %+v", e)
	}
	if after, _ := os.ReadFile(a.layout.records()); string(after) != string(before) {
		t.Errorf("it was done again: %s", after)
	}
	if a.unfinished("ID") {
		t.Error("it will be asked about again")
	}
}
