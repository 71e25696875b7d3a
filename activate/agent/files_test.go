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

	"flakeops/activate/agent/history"
	"flakeops/activate/wire"
	"flakeops/internal/onhost"
	"flakeops/internal/run"
)

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
	if err := history.Append(a.layout.records(), wire.Record{ID: "ID", Old: "o", New: "n"}); err != nil {
		t.Fatal(err)
	}
	h := &host{layout: a.layout, id: "ID", runner: failing{}}
	if err := h.reboot(t.Context(), "nobody got in"); err == nil {
		t.Fatal("it goes down")
	}
	rec, _, err := history.Find(a.layout.records(), "ID")
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
		if err := history.Append(a.layout.records(), wire.Record{ID: id, Old: "o", New: "n"}); err != nil {
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
	open, err := history.Unended(a.layout.records())
	if rec, _, _ := history.Find(a.layout.records(), "ID"); err != nil || len(open) != 1 || open[0].ID != "NEXT" || rec.Outcome != end.Outcome || rec.Message != end.Message {
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
