package inspect

import (
	"slices"
	"strings"
	"testing"
)

func TestPins(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		if p, err := ReadPins(t.Context(), w); err != nil || p.Nixpkgs != "" || len(p.Channels) > 0 {
			t.Errorf("nothing: %+v, %v", p, err)
		}
		w.system(systemA, "1")
		w.runs(systemA, systemA, systemA)
		rev := strings.Repeat("c0", 20)
		w.file(hash+"channels/nixos/.git-revision", rev+"\n")
		w.file(hash+"channels/manifest.nix", "[ ]")
		w.mkdir(hash + "channels/a b\nowner\tx")
		w.link("nix/var/nix/profiles/per-user/root/channels", hash+"channels")
		w.file("root/.nix-channels", "# mine\nhttps://nixos.org/channels/nixos-25.11 nixos\nhttps://example.org/x other\nnonsense\n")
		w.link("home/eve/.local/state/nix/profiles/channels", "/home/eve/channels")
		w.link("home/eve/channels/zero/.git-revision", "/dev/zero")
		w.file("home/eve/channels/huge/.git-revision", strings.Repeat("c0", 1<<20))
		w.file("home/eve/channels/odd/.git-revision", "\x00\nend\tfacts\n")
		for n := range 200 {
			w.mkdir("home/eve/channels/zzz" + strings.Repeat("z", n))
		}
		var p Pins
		var err error
		w.unchanged(func() { p, err = ReadPins(t.Context(), w) })
		if err != nil || p.Running != systemA || p.Nixpkgs != strings.Repeat("ab", 20) || !p.Of("abababa") || p.Of(rev) {
			t.Fatalf("%+v, %v", p, err)
		}
		roots := slices.Clone(p.Channels)
		roots = slices.DeleteFunc(roots, func(c Channel) bool { return c.Owner != "root" })
		want := []Channel{
			{"root", "a b owner\tx", "", ""}, {"root", "nixos", "https://nixos.org/channels/nixos-25.11", rev},
			{"root", "other", "https://example.org/x", ""},
		}
		if !slices.Equal(roots, want) {
			t.Errorf("got %+v", roots)
		}
		others := slices.DeleteFunc(p.Channels, func(c Channel) bool { return c.Owner != "eve" })
		if len(others) != 100 || others[0] != (Channel{Owner: "eve", Name: "huge"}) || others[2] != (Channel{Owner: "eve", Name: "zero"}) {
			t.Errorf("%d of eve's, the first %+v", len(others), others[:min(3, len(others))])
		}
	})
}

func TestOfNixpkgs(t *testing.T) {
	for _, c := range []struct {
		runs, is string
		want     bool
	}{
		{"abcdef1", "abcdef1234", true}, {"abcdef1234", "abcdef1", true}, {"abcdef1", "abcdef2", false},
		{"", "abcdef1", false}, {"", "", false}, {"abc", "abcdef1", false},
	} {
		if got := (Version{Nixpkgs: c.runs}).Of(c.is); got != c.want {
			t.Errorf("%s of %s: %v", c.runs, c.is, got)
		}
	}
}

func FuzzPins(f *testing.F) {
	f.Add("label\t25.11.1.abcdef1\nsubscribed\thttps://x y\nowner\troot\nchannel\ty\nrevision\tabcdef1")
	f.Fuzz(func(t *testing.T, lines string) {
		p, err := ReadPins(t.Context(), canned("begin\tfacts\n"+lines+"\nend\tfacts\n"))
		if err != nil {
			return
		}
		for _, c := range p.Channels {
			if c.Owner == "" || c.Revision != "" && !revision.MatchString(c.Revision) {
				t.Errorf("%+v", c)
			}
		}
	})
}
