package inspect

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"flakeops/activate"
	"flakeops/activate/wire"
	"flakeops/internal/run"
)

// systemctl answers as systemd does.
const systemctl = `case $1 in
--version) echo 'systemd 257 (257.9)' ;;
list-units) printf '%s\n' 'nginx.service loaded failed failed Web server' \
	'loop.service loaded activating auto-restart A loop' \
	'dev-disk-by\x2duuid-a*.device loaded activating tentative' ;;
show) shift 2; for unit; do case $unit in
	*.device) printf 'Id=%s\nInactiveExitTimestampMonotonic=1000000\n\n' "$unit" ;;
	*) printf 'InactiveExitTimestampMonotonic=0\nId=%s\n\n' "$unit" ;;
esac; done ;;
*) exit 1 ;;
esac`

func TestHealth(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		w.system(systemA, "1")
		w.runs(systemA, systemA, systemA)
		w.mkdir("boot")
		w.fake("systemctl", systemctl)
		w.fake("nix-store", `[ "$*" = --verify ] && echo "path '/nix/store/x' disappeared, but it still has valid referrers!" >&2; exit 1`)
		var h Health
		var err error
		w.unchanged(func() { h, err = ReadHealth(t.Context(), w, true) })
		if err != nil {
			t.Fatal(err)
		}
		if h.Running != systemA || h.NixOS == "" || h.Uptime <= 0 || h.Load[2] < 0 || h.CPUs < 1 || h.ReadOnly || h.NoUnits || h.Clock != 0 {
			t.Errorf("%+v", h)
		}
		if len(h.Disks) != 1 || h.Disks[0].Dir != "/" || h.Disks[0].Size == 0 || h.Disks[0].Usage() <= 0 {
			t.Errorf("disks %+v", h.Disks)
		}
		if want := []string{"nginx.service", "loop.service"}; !slices.Equal(h.Failed(), want) {
			t.Errorf("failed %q", h.Failed())
		}
		if stuck := h.Stuck(Limits{}); len(stuck) != 1 || stuck[0].Name != `dev-disk-by\x2duuid-a*.device` || stuck[0].For != h.Uptime-time.Second {
			t.Errorf("stuck %+v", stuck)
		}
		if h.Store == nil || h.Store.Sound || !slices.Equal(h.Store.Said, []string{"path '/nix/store/x' disappeared, but it still has valid referrers!"}) {
			t.Errorf("store %+v", h.Store)
		}
		if got := Mask(Reached, h, Limits{Usage: 2}); got != 16 {
			t.Errorf("mask %d", got)
		}

		w.fake("nix-store", "exit 0")
		w.fake("systemctl", "echo 'Failed to connect to bus' >&2; exit 1")
		w.readOnly = true
		h, err = ReadHealth(t.Context(), w, true)
		if err != nil || !h.Store.Sound || len(h.Store.Said) > 0 || !h.NoUnits || len(h.Units) > 0 || !h.ReadOnly {
			t.Errorf("%+v, %v", h, err)
		}
		w.fake("stat", "exit 1")
		h, err = ReadHealth(t.Context(), w, false)
		if err != nil || h.Store != nil || Mask(Reached, h, DefaultLimits()) != 8 {
			t.Errorf("disks that cannot be read: %+v, %v", h.Disks, err)
		}
	})
}

// slow is a host whose answer takes as long as it says.
type slow struct {
	before, between, after time.Duration
	off                    time.Duration // that its clock is ahead
}

func (s slow) Run(_ context.Context, cmd run.Command) (run.Result, error) {
	shows := func(name string) string {
		return fmt.Sprintf("%s\t%d\n", name, time.Now().Add(s.off).Unix())
	}
	time.Sleep(s.before)
	text := "begin\tfacts\n" + shows("clock-before")
	time.Sleep(s.between)
	text += shows("clock-after") + "end\tfacts\n"
	time.Sleep(s.after)
	_, err := io.WriteString(cmd.Stdout, text)
	return run.Result{}, err
}

// However long an answer takes, a clock that is right is not called wrong.
func TestClock(t *testing.T) {
	const ms = time.Millisecond
	for _, s := range []slow{
		{}, {before: 400 * ms, after: 300 * ms}, {before: 20 * time.Second}, {after: 20 * time.Second},
		{between: 10 * time.Minute}, {10 * time.Second, time.Minute, 30 * time.Second, 0},
	} {
		for _, off := range []time.Duration{0, 300 * ms, -900 * ms, 5 * time.Minute, -5 * time.Minute, 30 * 365 * 24 * time.Hour} {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(700 * ms) // not at the beginning of a second
				s.off = off
				h, err := ReadHealth(t.Context(), s, false)
				if err != nil {
					t.Fatal(err)
				}
				doubt := s.before + s.after + time.Second
				if off == 0 && h.Clock != 0 || h.Clock.Abs() > off.Abs() || (off-h.Clock).Abs() > doubt {
					t.Errorf("%+v: %v ahead", s, h.Clock)
				}
			})
		}
	}
}

func TestHealthRefusesWhatIsNoNumber(t *testing.T) {
	for _, line := range []string{
		"clock-before\tnow", "clock-after\t-1", "uptime\tNaN", "uptime\t1e300", "load\t0.1 0.2", "load\tx y z", "load\t1 2 Inf",
		"cpus\tmany", "disk\t/ 1 2", "disk\t/ 1 4096 10 11 1 0 0", "disk\t/ 1 4096 18446744073709551615 1 1 0 0", "disk\t/ 1 4096 -1 1 1 0 0",
		"disk\t/ 1 4096 10 5 5 10 11", "unheard-of\tx",
	} {
		if _, err := ReadHealth(t.Context(), canned("begin\tfacts\n"+line+"\nend\tfacts\n"), false); err == nil {
			t.Errorf("%q was taken", line)
		}
	}
	if _, err := ReadHealth(t.Context(), canned("begin\tfacts\nend\tfacts\n"), true); err == nil || !strings.Contains(err.Error(), "store") {
		t.Errorf("a store that was not verified: %v", err)
	}
}

func TestDiskProblems(t *testing.T) {
	l := DefaultLimits()
	for want, d := range map[string]Disk{
		"":                             {Dir: "/", Size: 1000, Used: 800, Free: 150, Inodes: 100, FreeInodes: 50},
		"/ is 95% full":                {Dir: "/", Size: 1000, Used: 855, Free: 45},
		"/nix has 4 of 100 inodes fre": {Dir: "/nix", Size: 1000, Free: 1000, Inodes: 100, FreeInodes: 4},
		"/boot cannot be read":         {Dir: "/boot", Unreadable: true},
	} {
		if got := d.Problem(l); !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%+v: %q, want %q", d, got, want)
		}
	}
	if p := (Disk{Dir: "/boot"}).Problem(l); p != "" {
		t.Errorf("of an automount that has no size: %q", p)
	}
}

func TestMask(t *testing.T) {
	l := DefaultLimits()
	bad := Health{Disks: []Disk{{Unreadable: true}}, Units: []Unit{{Name: "a", Failed: true}}}
	waiting := Health{Units: []Unit{{Name: "a", For: time.Hour}}}
	for _, c := range []struct {
		reach  Reach
		health Health
		want   int
	}{
		{Missing, bad, 1}, {Down, bad, 2}, {Unreachable, bad, 4}, {Reached, bad, 24}, {Reached, Health{}, 0}, {Reached, waiting, 0},
		{Reached, Health{Disks: bad.Disks}, 8}, {Reached, Health{Units: bad.Units}, 16},
	} {
		if got := Mask(c.reach, c.health, l); got != c.want {
			t.Errorf("%d, %+v: %d, want %d", c.reach, c.health, got, c.want)
		}
	}
	if stuck := waiting.Stuck(l); len(stuck) != 1 {
		t.Errorf("stuck %+v", stuck)
	}
}

func TestNotes(t *testing.T) {
	h := Health{
		Status:   Status{Facts: activate.Facts{Running: systemA, Left: systemA}, Reboot: []string{"kernel 1 -> 2", "initrd"}},
		ReadOnly: true, NoUnits: true, Clock: -61300 * time.Millisecond, Store: &Store{Said: []string{"a", "b"}},
	}
	want := []string{
		"root is read-only", "store is damaged: a; b", "systemd does not tell of its units",
		"runs a system that failed or nobody confirmed", "clock is 1m1s behind", "needs a reboot: kernel 1 -> 2, initrd",
	}
	if got := h.Notes(DefaultLimits()); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	h = Health{Status: Status{Facts: activate.Facts{Unfinished: "1"}}, Clock: 4 * time.Second, Store: &Store{Sound: true}}
	if got := h.Notes(DefaultLimits()); len(got) != 1 || !strings.Contains(got[0], "deployment 1 was cut short") {
		t.Errorf("%q", got)
	}
	if got := (Health{Clock: time.Hour}).Notes(DefaultLimits()); !slices.Equal(got, []string{"clock is 1h0m0s ahead"}) {
		t.Errorf("%q", got)
	}
}

func FuzzHealth(f *testing.F) {
	f.Add("clock-before\t1\nclock-after\t2\nuptime\t12.5\nload\t0.1 0.2 0.3 1/2 3\ncpus\t2\nroot\trw,relatime\ndisk\t/ 1 4096 10 5 4 7 3\n" +
		"unreadable\t/boot\nunits\tknown\nunit\ta.service loaded failed failed A\nsince\tId=a\nsince\tInactiveExitTimestampMonotonic=5\nstore\tsound")
	f.Add("last\t" + record("1", 1, systemA, systemB, wire.Deployed))
	f.Fuzz(func(t *testing.T, lines string) {
		h, err := ReadHealth(t.Context(), canned("begin\tfacts\n"+lines+"\nend\tfacts\n"), false)
		if err != nil {
			return
		}
		for _, d := range h.Disks {
			if u := d.Usage(); u < 0 || u > 1 || math.IsNaN(u) || d.Used > d.Size {
				t.Errorf("%+v: %v", d, u)
			}
		}
		for _, u := range h.Units {
			if u.For < 0 || u.Name == "" {
				t.Errorf("%+v", u)
			}
		}
		h.Notes(DefaultLimits())
		if m := Mask(Reached, h, DefaultLimits()); m&^24 != 0 {
			t.Errorf("mask %d", m)
		}
	})
}
