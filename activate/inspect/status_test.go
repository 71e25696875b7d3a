package inspect

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"flakeops/activate"
	"flakeops/activate/wire"
	"flakeops/internal/nixname"
)

const (
	hash    = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-"
	systemA = hash + "nixos-system-web-25.11.20260101.abcdef1"
	systemB = hash + "nixos-system-web-25.11.20260202.bcdef12"
	systemC = hash + "nixos-system-web-25.11.20260303.cdef123"
)

// system puts a system into a world's store, with parts of its own where it has a name
// for them.
func (w *world) system(path, parts string) {
	w.t.Helper()
	label := path[strings.LastIndex(path, "-")+1:]
	w.file(path+"/nixos-version", label)
	w.file(path+"/sw/bin/nixos-version", "#! /nix/store/bash\ncase \"$1\" in\n  --json)\n    cat <<EOF\n"+
		`{"configurationRevision":"feed`+parts+`","nixosVersion":"`+label+`","nixpkgsRevision":"`+strings.Repeat("ab", 20)+`"}`+"\nEOF\n;;\nesac\n")
	for _, part := range []string{"kernel", "initrd", "kernel-modules"} {
		w.file(hash+part+"-"+parts+"/file", part)
		w.link(path+"/"+part, hash+part+"-"+parts+"/file")
	}
	w.file(path+"/kernel-params", "quiet")
}

// runs has the world run, and boot, a system by way of a generation.
func (w *world) runs(running, booted, profile string) {
	w.t.Helper()
	w.link("run/current-system", running)
	w.link("run/booted-system", booted)
	w.link("nix/var/nix/profiles/system", "system-12-link")
	w.link("nix/var/nix/profiles/system-12-link", profile)
}

const records = "var/lib/flakeops/deployments.jsonl"

// record is a line of a host's records.
func record(id string, at int, from, to string, o wire.Outcome) string {
	b, err := json.Marshal(wire.Record{
		Version: 1, ID: id, Time: time.Unix(int64(at), 0).UTC(), Node: "web", Operator: "ann@desk", Goal: wire.Switch,
		Flake: wire.Flake{URL: "github:acme/fleet/0123"}, Old: from, New: to, Outcome: o,
	})
	if err != nil {
		panic(err)
	}
	return string(b) + "\n"
}

func TestStatus(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		w.system(systemA, "1")
		w.system(systemB, "2")
		w.runs(systemB, systemA, systemB)
		w.file(records, record("1", 100, systemA, systemB, "")+record("1", 110, systemA, systemB, wire.Deployed)+
			"\x00\x00\x00\n"+record("2", 200, systemB, systemC, "")+record("2", 220, systemB, systemC, wire.RolledBack)+
			record("3", 300, systemB, systemA, "")[:40])
		var s Status
		var err error
		w.unchanged(func() { s, err = ReadStatus(t.Context(), w) })
		if err != nil {
			t.Fatal(err)
		}
		if s.Running != systemB || s.Booted != systemA || s.Profile != systemB || s.Generation != 12 || s.User != 0 {
			t.Errorf("facts %+v", s.Facts)
		}
		if want := (Version{NixOS: "25.11.20260202.bcdef12", Configuration: "feed2", Nixpkgs: strings.Repeat("ab", 20)}); s.Version != want {
			t.Errorf("version %+v", s.Version)
		}
		if want := []string{"kernel 1 -> 2", "kernel modules 1 -> 2", "initrd 1 -> 2"}; !slices.Equal(s.Reboot, want) {
			t.Errorf("reboot for %q, want %q", s.Reboot, want)
		}
		if s.Last == nil || s.Last.ID != "2" || s.Last.Outcome != wire.RolledBack || !s.Last.Started.Equal(time.Unix(200, 0)) {
			t.Errorf("last %+v", s.Last)
		}
		if s.By == nil || s.By.ID != "1" || s.By.Operator != "ann@desk" || !s.By.Time.Equal(time.Unix(110, 0)) {
			t.Errorf("by %+v", s.By)
		}
	})
}

// What a host may lack is no reason to fail, and what it has in its place is no answer.
func TestStatusOfUnkindHosts(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		read := func() Status {
			t.Helper()
			s, err := ReadStatus(t.Context(), w)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		if s := read(); s.Running != "" || s.Generation != 0 || s.Version != (Version{}) || s.Reboot != nil || s.Last != nil || s.By != nil {
			t.Errorf("nothing at all: %+v", s)
		}
		w.system(systemA, "1")
		w.link("run/current-system", systemA)
		w.link("nix/var/nix/profiles/system", "system-3-link") // which is not there
		if s := read(); s.Running != systemA || s.Booted != "" || s.Profile != "" || s.Reboot != nil {
			t.Errorf("neither booted nor profile: %+v", s)
		}
		w.file(systemA+"/nixos-version", "25.11 \"x\nend\tfacts\nlast\t{}\n")
		w.file(systemA+"/sw/bin/nixos-version", "{\"broken\n{\"configurationRevision\":\"no\"}\n")
		w.file(records, strings.Repeat("x", 3<<20)+"\n"+record("1", 1, systemC, systemA, "")+"\n\n{}\nnull\n[1]\n"+
			strings.Replace(record("2", 2, systemC, systemA, wire.Deployed), systemC, "/tmp/x", 1)+
			strings.Replace(record("../3", 3, systemC, systemA, wire.Deployed), systemC, systemB, 1)+
			strings.TrimSuffix(record("4", 4, systemC, systemA, wire.Tested), "\n"))
		if s := read(); s.NixOS != `25.11 "x` || s.Configuration != "" || s.Last == nil || s.Last.ID != "4" || s.By == nil || s.By.ID != "4" {
			t.Errorf("odd files: %+v %+v %+v", s.Version, s.Last, s.By)
		}
		w.remove(records)
		w.mkdir(records)
		w.remove(systemA + "/nixos-version")
		w.mkdir(systemA + "/nixos-version")
		if s := read(); s.Running != systemA || s.NixOS != "" || s.Last != nil {
			t.Errorf("directories for files: %+v", s)
		}
	})
}

func TestStatusRefusesWhatNoScriptSays(t *testing.T) {
	for answer, want := range map[string]string{
		"begin\tfacts\nrunning\t" + systemA + "\n":             "cut short",
		"begin\tfacts\nunheard-of\tx\nend\tfacts\n":            `tells of "unheard-of"`,
		"Welcome!\nbegin\tfacts\nend\tfacts\n":                 "for terminals only",
		"begin\tfacts\n" + strings.Repeat("label\tx\n", 3<<20): "endless",
	} {
		if _, err := ReadStatus(t.Context(), canned(answer)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestNixpkgsOfALabel(t *testing.T) {
	for label, want := range map[string]string{
		"25.11.20260101.abcdef1": "abcdef1", "26.05pre912345.abcdef123456": "abcdef123456", "24.11.712345.0123456789ab": "0123456789ab",
		"25.11.20260101.dirty": "", "25.11": "", "my-label.abcdef1": "", "25.11.1.abcdef1\n": "", "": "",
	} {
		var v Version
		v.take("label", label)
		if v.Nixpkgs != want {
			t.Errorf("%q: %q, want %q", label, v.Nixpkgs, want)
		}
	}
}

func TestState(t *testing.T) {
	ours := &Deployment{Record: wire.Record{New: systemA, Flake: wire.Flake{URL: "github:acme/fleet/0123"}}}
	on := func(change func(*Status)) Status {
		s := Status{Facts: activate.Facts{Running: systemA, Profile: systemA, Booted: systemA}, By: ours}
		change(&s)
		return s
	}
	const same, other = "git+ssh://git@github.com/acme/fleet.git?rev=4567", "github:acme/other/4567"
	reboot := func(s *Status) { s.Reboot = []string{"kernel"} }
	for name, c := range map[string]struct {
		status        Status
		system, flake string
		want          State
	}{
		"as wanted":                 {on(func(*Status) {}), systemA, same, UpToDate},
		"as wanted, whoever put it": {on(func(s *Status) { s.By = nil }), systemA, other, UpToDate},
		"kernel":                    {on(reboot), systemA, same, NeedsReboot},
		"older":                     {on(func(*Status) {}), systemB, same, Outdated},
		"older, and kernel":         {on(reboot), systemB, same, Outdated},
		"for the next boot":         {on(func(s *Status) { s.Profile = systemB }), systemB, same, NeedsReboot},
		"for the first boot": {on(func(s *Status) {
			s.By, s.Profile, s.Last = nil, systemB, &Deployment{Record: wire.Record{New: systemB, Outcome: wire.BootSet}}
		}), systemB, same, NeedsReboot},
		"tested only":              {on(func(s *Status) { s.Profile = systemC }), systemA, same, Outdated},
		"by hand":                  {on(func(s *Status) { s.Running, s.By = systemC, nil }), systemA, same, Foreign},
		"from another flake":       {on(func(*Status) {}), systemB, other, Foreign},
		"from somebody's checkout": {on(func(*Status) {}), systemB, "path:/home/ann/fleet", Outdated},
		"no NixOS":                 {Status{}, systemA, same, Foreign},
		"running":                  {on(func(s *Status) { s.Holder = &wire.Holder{ID: "1"} }), systemA, same, Unconfirmed},
		"cut short":                {on(func(s *Status) { s.Unfinished = "1" }), systemA, same, Unconfirmed},
		"left as it is":            {on(func(s *Status) { s.Left = systemA }), systemA, same, Unconfirmed},
		"left, and something else": {on(func(s *Status) { s.Left = systemC }), systemA, same, UpToDate},
		"not evaluated":            {on(func(*Status) {}), "", same, Unknown},
		"not evaluated, boot set": {on(func(s *Status) {
			s.Profile = systemB
			s.Last = &Deployment{Record: wire.Record{New: systemB, Outcome: wire.BootSet}}
		}), "", same, NeedsReboot},
		"not evaluated, and kernel":   {on(reboot), "", same, NeedsReboot},
		"not evaluated, and by hand":  {on(func(s *Status) { s.By = nil }), "", same, Foreign},
		"not evaluated, and no NixOS": {Status{}, "", same, Foreign},
	} {
		if got := c.status.State(c.system, c.flake); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestOrigin(t *testing.T) {
	for url, want := range map[string]string{
		"github:acme/fleet/0123?narHash=x":                      "github.com/acme/fleet",
		"github:acme/fleet?host=git.acme.org":                   "git.acme.org/acme/fleet",
		"git+ssh://git@GitHub.com/acme/fleet.git?ref=main&rev=": "github.com/acme/fleet",
		"git+https://github.com/acme/fleet":                     "github.com/acme/fleet",
		"gitlab:acme%2Fsub/fleet/0123":                          "gitlab.com/acme/sub/fleet",
		"sourcehut:~acme/fleet":                                 "git.sr.ht/~acme/fleet",
		"git+file:///home/ann/fleet":                            "",
		"path:/home/ann/fleet?narHash=x":                        "",
		"/home/ann/fleet":                                       "",
		"https://acme.org/fleet.tar.gz":                         "",
		"github:":                                               "",
		"git+ssh://":                                            "",
		"%":                                                     "",
		"":                                                      "",
	} {
		if got := origin(url); got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}

func FuzzStatus(f *testing.F) {
	f.Add("running\t"+systemA+"\nbooted\t"+systemB+"\nbooted-kernel\t/x\nrunning-kernel\t/y\nlabel\t25.11.1.abcdef1\nsays\t{}\nlast\t"+
		record("1", 1, systemA, systemB, wire.Deployed)+"by\t"+record("1", 1, systemB, systemA, wire.Deployed), "github:a/b")
	f.Fuzz(func(t *testing.T, lines, flake string) {
		s, err := ReadStatus(t.Context(), canned("begin\tfacts\n"+lines+"\nend\tfacts\n"))
		if err != nil {
			return
		}
		if s.By != nil && (s.By.New != s.Running || !s.By.Outcome.OK() || !nixname.IsStorePath(s.By.New)) {
			t.Errorf("%s runs by %+v", s.Running, s.By)
		}
		if s.Last != nil && !wire.ValidID(s.Last.ID) {
			t.Errorf("a deployment %q", s.Last.ID)
		}
		if got := s.State(systemA, flake); got == UpToDate && (s.Running != systemA || s.Profile != systemA) {
			t.Errorf("up to date with %s", s.Running)
		}
	})
}
