package inspect

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// generation makes a link of the profile, which was made in a second since 1970.
func (w *world) generation(name, target string, at int64) {
	w.t.Helper()
	w.link("nix/var/nix/profiles/"+name, target)
	when := unix.NsecToTimespec(at * int64(time.Second))
	w.must(unix.UtimesNanoAt(unix.AT_FDCWD, w.at("nix/var/nix/profiles/"+name), []unix.Timespec{when, when}, unix.AT_SYMLINK_NOFOLLOW))
}

func TestGenerations(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		if all, err := ReadGenerations(t.Context(), w); err != nil || len(all) > 0 {
			t.Errorf("no profile: %+v, %v", all, err)
		}
		w.system(systemA, "1")
		w.system(systemB, "2")
		w.remove(systemB + "/kernel-modules")
		w.link(systemB+"/kernel-modules", hash+"modules")
		w.mkdir(hash + "modules/lib/modules/6.12.3")
		w.mkdir(systemB + "/specialisation/a b\tc\nd")
		w.mkdir(systemB + "/specialisation/night")
		w.mkdir("home/me/system")
		w.link("run/booted-system", systemA)
		w.link("nix/var/nix/profiles/system", "system-10-link")
		w.generation("system-9-link", systemA, 900)
		w.generation("system-10-link", systemB, 1000)
		w.generation("system-11-link", systemC, 1100) // collected by force
		w.generation("system-12-link", "/home/me/system", 1200)
		for _, name := range []string{"system-1x-link", "system--link", "system-007-link", "system-5-link\n", "system-a b-link", "system-3\n-link", "system-99999999999999999999-link", "other-4-link"} {
			w.link("nix/var/nix/profiles/"+name, systemA)
		}
		w.mkdir("nix/var/nix/profiles/system-8-link")
		var all []Generation
		var err error
		w.unchanged(func() { all, err = ReadGenerations(t.Context(), w) })
		if err != nil || len(all) != 4 {
			t.Fatalf("%d generations, %v: %+v", len(all), err, all)
		}
		var lines []string
		for _, g := range all {
			lines = append(lines, strings.TrimSpace(fmt.Sprintln(g.Number, g.Made.Unix(), g.System, g.Gone, g.Current, g.Booted, g.Usable() == nil)))
		}
		if want := []string{
			"12 1200 /home/me/system false false false false", "11 1100 " + systemC + " true false false false",
			"10 1000 " + systemB + " false true false true", "9 900 " + systemA + " false false true true",
		}; !slices.Equal(lines, want) {
			t.Errorf("got %q", lines)
		}
		if b := all[2]; b.Kernel != "6.12.3" || b.NixOS != "25.11.20260202.bcdef12" || b.Configuration != "feed2" || !slices.Equal(b.Specialisations, []string{"a b\tc d", "night"}) {
			t.Errorf("%+v", b)
		}
	})
}

// A host that was never cleaned up has many.
func TestGenerationsAreMany(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		w.system(systemA, "1")
		for n := range 100 {
			w.link(fmt.Sprintf("nix/var/nix/profiles/system-%d-link", n+1), systemA)
		}
		all, err := ReadGenerations(t.Context(), w)
		if err != nil || len(all) != 100 || all[0].Number != 100 || all[99].System != systemA || all[99].Made.IsZero() {
			t.Errorf("%d, %v", len(all), err)
		}
	})
}

func TestGenerationsRefuse(t *testing.T) {
	for _, lines := range []string{
		"system\t" + systemA, "number\t-1", "number\t0", "number\t99999999999999999999", "number\t1\nbooted-kernel\tx",
		"made\tnow " + "/nix/var/nix/profiles/system-1-link", "made\t5 " + "/nix/var/nix/profiles/system-x-link",
	} {
		if all, err := ReadGenerations(t.Context(), canned("begin\tfacts\n"+lines+"\nend\tfacts\n")); err == nil {
			t.Errorf("%q was taken for %+v", lines, all)
		}
	}
}

// The names that scripts know from nixos-rebuild, whose JSON this was read from.
func TestGenerationsInJSON(t *testing.T) {
	g := []Generation{
		{Number: 2, Made: time.Unix(0, 0), System: systemA, Version: Version{NixOS: "25.11", Configuration: "feed"}, Kernel: "6.12.3", Specialisations: []string{"night"}, Current: true, Booted: true},
		{Number: 1, System: systemB, Gone: true},
	}
	b, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"generation":2,"date":"1970-01-01T00:00:00Z","nixosVersion":"25.11","kernelVersion":"6.12.3","configurationRevision":"feed","specialisations":["night"],"current":true,"system":"` + systemA + `","booted":true},` +
		`{"generation":1,"date":"0001-01-01T00:00:00Z","nixosVersion":"Unknown","kernelVersion":"Unknown","configurationRevision":"Unknown","specialisations":[],"current":false,"system":"` + systemB + `","booted":false,"gone":true}]`
	if string(b) != want {
		t.Errorf("got  %s\nwant %s", b, want)
	}
}

func FuzzGenerations(f *testing.F) {
	f.Add("booted\t" + systemA + "\nmade\t5 " + "/nix/var/nix/profiles/system-1-link\nnumber\t1\nsystem\t" + systemA + "\nlabel\tx\nkernel\t6\nspecialisation\ta\nnumber\t2\ngone\t/x")
	f.Fuzz(func(t *testing.T, lines string) {
		all, err := ReadGenerations(t.Context(), canned("begin\tfacts\n"+lines+"\nend\tfacts\n"))
		if err != nil {
			return
		}
		for _, g := range all {
			if g.Number < 1 || g.Usable() == nil && !strings.HasPrefix(g.System, "/nix/store/") {
				t.Errorf("%+v", g)
			}
		}
		if _, err := json.Marshal(all); err != nil {
			t.Error(err)
		}
	})
}
