package inspect

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"flakeops/activate/wire"
	"flakeops/internal/nixname"
)

// id is that of a deployment in the run that began at a second since 1970, on host n.
func id(began int, n byte) string {
	return ulid.MustNew(uint64(began)*1000, strings.NewReader(strings.Repeat(string(rune(n)), 10))).String()
}

func TestHistory(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		if h, err := ReadHistory(t.Context(), w); err != nil || len(h.Deployments) > 0 {
			t.Errorf("no records: %+v, %v", h, err)
		}
		w.system(systemB, "2")
		w.runs(systemB, systemB, systemB)
		text := record("1", 100, systemA, systemB, "") + record("1", 110, systemA, systemB, wire.Deployed) +
			strings.Replace(record("2", 200, systemC, systemB, ""), `"operator":"ann@desk"`, `"operator":"\"old\":\"x\",\"new\":\"y z\""`, 1) +
			"{\"id\":\"3\"}\nnot a record\n\x00\x00\n" + strings.Replace(record("9", 1, systemC, systemB, ""), systemC, "/nix/store/'$(reboot)", 1)
		w.file(records, text+record("4", 400, systemB, systemA, wire.Tested)[:90])
		w.fake("nix-store", `[ "$1 $2" = '--check-validity --print-invalid' ] && shift 2 || exit 1
for path; do case $path in /nix/store/*-nixos-system-*) [ -e "$path" ] || echo "$path" ;; *) echo "asked for $path" >&2; exit 1 ;; esac; done`)
		var h History
		var err error
		w.unchanged(func() { h, err = ReadHistory(t.Context(), w) })
		if err != nil || h.Running != systemB || len(h.Deployments) != 2 {
			t.Fatalf("%+v, %v", h, err)
		}
		if d := h.Deployments[0]; d.ID != "1" || d.Outcome != wire.Deployed || d.Old != systemA || !d.Started.Equal(time.Unix(100, 0)) || !d.Time.Equal(time.Unix(110, 0)) {
			t.Errorf("%+v", d)
		}
		if d := h.Deployments[1]; d.ID != "2" || d.Outcome != "" || d.Operator != `"old":"x","new":"y z"` {
			t.Errorf("%+v", d)
		}
		if _, err := h.Previous(); err == nil || !strings.Contains(err.Error(), "no longer has "+systemA) {
			t.Errorf("%v", err)
		}
		w.system(systemA, "1")
		if h, err = ReadHistory(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		if got, err := h.Previous(); err != nil || got != systemA {
			t.Errorf("%s, %v", got, err)
		}
		w.fake("nix-store", "exit 1")
		if h, err = ReadHistory(t.Context(), w); err != nil || len(h.Deployments) != 2 {
			t.Fatalf("without Nix: %+v, %v", h, err)
		}
		if _, err := h.Previous(); err == nil || !strings.Contains(err.Error(), "check Nix") {
			t.Errorf("%v", err)
		}
	})
}

// A host bounds its records by number and not in size: the newest are read.
func TestHistoryThatIsHuge(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		w.file(records, record("first", 1, systemA, systemB, wire.Deployed)+strings.Repeat("x", 9<<20)+"\n"+record("last", 2, systemA, systemB, wire.Deployed))
		h, err := ReadHistory(t.Context(), w)
		if err != nil || len(h.Deployments) != 1 || h.Deployments[0].ID != "last" {
			t.Errorf("%d, %v", len(h.Deployments), err)
		}
		if s, err := ReadStatus(t.Context(), w); err != nil || s.Last == nil || s.Last.ID != "last" {
			t.Errorf("%+v, %v", s.Last, err)
		}
	})
}

func deployed(id, from, to string, o wire.Outcome) Deployment {
	return Deployment{Record: wire.Record{ID: id, Old: from, New: to, Outcome: o}, Started: time.Unix(1, 0)}
}

func TestPrevious(t *testing.T) {
	ab, bc := deployed("1", systemA, systemB, wire.Deployed), deployed("2", systemB, systemC, wire.Deployed)
	back, again := deployed("3", systemB, systemC, wire.RolledBack), deployed("4", systemB, systemB, wire.Deployed)
	for name, c := range map[string]struct {
		running string
		all     []Deployment
		want    string
	}{
		"deployed twice":        {systemC, []Deployment{ab, bc}, systemB},
		"second rolled back":    {systemB, []Deployment{ab, back}, systemA},
		"deployed once more":    {systemB, []Deployment{ab, again}, systemA},
		"gone back":             {systemA, []Deployment{ab, deployed("5", systemB, systemA, wire.Deployed)}, systemB},
		"cut short":             {systemB, []Deployment{ab, deployed("6", systemB, systemC, "")}, systemA},
		"booted what was set":   {systemC, []Deployment{ab, deployed("7", systemB, systemC, wire.BootSet)}, systemB},
		"not booted yet":        {systemB, []Deployment{ab, deployed("7", systemB, systemC, wire.BootSet)}, systemA},
		"by hand":               {systemC, []Deployment{ab}, systemB},
		"by hand, after a fall": {systemC, []Deployment{deployed("8", systemA, systemB, wire.RolledBack)}, systemA},
		"nothing on record":     {systemA, nil, ""},
		"the first, no old one": {systemB, []Deployment{deployed("9", "", systemB, wire.Deployed)}, ""},
	} {
		got, err := History{Running: c.running, Deployments: c.all, missing: map[string]bool{}}.Previous()
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v, want %q", name, got, err, c.want)
		}
	}
}

// Two runs over three hosts, of which one missed the second and had a third.
func TestBefore(t *testing.T) {
	on := func(running string, all ...Deployment) History {
		return History{Running: running, Deployments: all, missing: map[string]bool{}}
	}
	histories := map[string]History{
		"a": on(systemC, deployed(id(100, 9), systemA, systemB, wire.Deployed), deployed(id(200, 9), systemB, systemC, wire.Deployed)),
		"b": on(systemC, deployed(id(100, 2), systemA, systemB, wire.Deployed), deployed(id(200, 2), systemB, systemC, wire.Deployed),
			deployed(id(300, 2), systemC, systemA, wire.RolledBack)),
		"c": on(systemB, deployed(id(100, 5), systemA, systemB, wire.Deployed)),
		"d": on(systemA, deployed(id(100, 6), systemA, systemB, wire.RolledBack), deployed(id(300, 6), systemA, systemC, wire.RolledBack)),
		"e": on(systemA),
	}
	for name, c := range map[string]struct {
		id   string
		want map[string]string
	}{
		"the second": {id(200, 9), map[string]string{"a": systemB, "b": systemB, "d": systemA}},
		"by b's":     {id(200, 2), map[string]string{"a": systemB, "b": systemB, "d": systemA}},
		"the first":  {id(100, 5), map[string]string{"a": systemA, "b": systemA, "c": systemA, "d": systemA}},
		"the third":  {id(300, 2), map[string]string{"b": systemC, "d": systemA}},
	} {
		of, err := Find(slices.Collect(maps.Values(histories)), c.id)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for host, h := range histories {
			if got, err := h.Before(of); err != nil || got != c.want[host] {
				t.Errorf("%s on %s: %v, %v, want %v", name, host, got, err, c.want[host])
			}
		}
	}
	if _, err := Find(slices.Collect(maps.Values(histories)), "unheard-of"); err == nil || !strings.Contains(err.Error(), `"unheard-of" is on no host's record`) {
		t.Errorf("%v", err)
	}
	second := histories["a"].Deployments[1]
	histories["a"].missing[systemB] = true
	if got, err := histories["a"].Before(second); err == nil || !strings.Contains(err.Error(), "the host no longer has "+systemB) {
		t.Errorf("%v, %v", got, err)
	}
	silent := histories["b"]
	silent.missing = nil
	if got, err := silent.Before(second); err == nil || !strings.Contains(err.Error(), "the host does not tell") {
		t.Errorf("%v, %v", got, err)
	}
}

func TestFlakeOf(t *testing.T) {
	first, again := deployed("1", "", systemA, wire.Deployed), deployed("2", "", systemA, wire.Deployed)
	first.Flake.Revision, again.Flake.Revision = "one", "two"
	h := History{Deployments: []Deployment{first, again, deployed("3", "", systemB, wire.Deployed)}}
	if got := h.FlakeOf(systemA); got.Revision != "two" {
		t.Errorf("%+v", got)
	}
	if got := h.FlakeOf(systemC); got.URL != "" {
		t.Errorf("%+v", got)
	}
}

func TestMerge(t *testing.T) {
	histories := map[string]History{
		"b": {Deployments: []Deployment{deployed(id(100, 1), "", systemA, ""), deployed(id(300, 1), "", systemA, "")}},
		"a": {Deployments: []Deployment{deployed(id(100, 2), "", systemA, ""), deployed("no-ulid", "", systemA, ""), deployed(id(200, 2), "", systemA, "")}},
	}
	var got []string
	for _, e := range Merge(histories, time.Time{}) {
		got = append(got, fmt.Sprint(e.Host, e.Begun().Unix()))
	}
	if want := []string{"b300", "a200", "a100", "b100", "a1"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if since := Merge(histories, time.Unix(200, 0)); len(since) != 2 {
		t.Errorf("%+v", since)
	}
}

func FuzzHistory(f *testing.F) {
	f.Add("running\t"+systemB+"\nrecord\t"+record("1", 1, systemA, systemB, wire.Deployed)+"checked\tyes\nmissing\t"+systemC, "1")
	f.Fuzz(func(t *testing.T, lines, id string) {
		h, err := ReadHistory(t.Context(), canned("begin\tfacts\n"+lines+"\nend\tfacts\n"))
		if err != nil {
			return
		}
		if s, err := h.Previous(); err == nil && (s == h.Running || h.missing[s] || !nixname.IsStorePath(s)) {
			t.Errorf("%q before %q", s, h.Running)
		}
		if of, err := Find([]History{h}, id); err == nil {
			if s, err := h.Before(of); err == nil && !nixname.IsStorePath(s) {
				t.Errorf("%q", s)
			}
		}
		if len(Merge(map[string]History{"a": h, "b": {}}, time.Time{})) < len(h.Deployments)-1 {
			t.Error("some are lost")
		}
	})
}
