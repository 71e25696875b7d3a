package flake

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"flakeops/flake/nix/nixtest"

	"github.com/tidwall/gjson"
)

func TestLockedInputs(t *testing.T) {
	const locks = `{"root":"root","version":7,"nodes":{
	  "root":{"inputs":{"nixpkgs":"nixpkgs_2","home":"home","pkgs":["nixpkgs"],"src":"src"}},
	  "nixpkgs_2":{"locked":{"type":"github","owner":"NixOS","repo":"nixpkgs","rev":"abc","lastModified":1000,"narHash":"sha256-n"}},
	  "home":{"inputs":{"nixpkgs":"nixpkgs","follows":["nixpkgs"],"own":["home","nixpkgs"]},"locked":{"type":"git","url":"https://me:secret@example.org/h","rev":"def","lastModified":3000,"narHash":"sha256-h"}},
	  "nixpkgs":{"inputs":{"round":["home"],"self":"nixpkgs"},"locked":{"type":"path","path":"/x","lastModified":1,"narHash":"sha256-p"}},
	  "src":{"flake":false,"locked":{"type":"file","url":"https://example.org/s"}}}}`
	var got []string
	all := lockedInputs(gjson.Parse(locks))
	for _, in := range all {
		at := int64(0)
		if !in.Date.IsZero() {
			at = in.Date.Unix()
		}
		got = append(got, fmt.Sprintf("%s %v %s %s %d %s", in.Name, in.Direct, in.Type, in.Revision, at, in.NarHash))
	}
	want := []string{
		"home true git def 3000 sha256-h", "nixpkgs true github abc 1000 sha256-n", "pkgs true github abc 1000 sha256-n", "src true file  0 ",
		"home/nixpkgs false path  1 sha256-p",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if u := all[0].URL; u != "git+https://example.org/h?rev=def" {
		t.Errorf("a URL with a secret: %s", u)
	}
	now := time.Unix(3000, 0)
	for limit, want := range map[time.Duration]string{time.Hour: "", 2000 * time.Second: "", 1999 * time.Second: "nixpkgs pkgs", 0: "nixpkgs pkgs"} {
		var stale []string
		for _, in := range Stale(all, limit, now) {
			stale = append(stale, in.Name)
		}
		if got := strings.Join(stale, " "); got != want {
			t.Errorf("%v: stale are %q, want %q", limit, got, want)
		}
	}
}

// Nix itself writes what is read here.
func TestLockedInputsOfAFlake(t *testing.T) {
	n, ctx := nixtest.Programs(t)
	dep, dir := t.TempDir(), t.TempDir()
	nixtest.Write(t, dep, "flake.nix", `{ outputs = { self }: { }; }`)
	nixtest.Write(t, dir, "flake.nix", `{ inputs.dep.url = "path:`+dep+`"; outputs = { self, dep }: { nixosConfigurations.a = { }; }; }`)
	nixtest.Command(t, dir, "nix", "flake", "lock", dir)
	f := open(t, n, ctx, dir)
	if len(f.Locked) != 1 || f.Locked[0].Name != "dep" || f.Locked[0].Type != "path" || !strings.HasPrefix(f.Locked[0].NarHash, "sha256-") || f.Locked[0].URL != f.Inputs["dep"] {
		t.Errorf("%+v", f.Locked)
	}
	if age := time.Since(f.Locked[0].Date); age < 0 || age > time.Hour {
		t.Errorf("%v old", age)
	}
}

// However a lock file is tangled, reading it ends, and each name is told once.
func FuzzLockedInputs(f *testing.F) {
	f.Add(`{"root":"r","nodes":{"r":{"inputs":{"a":["b"],"b":"n"}},"n":{"inputs":{"r":"r","n":["a","n"]},"locked":{"lastModified":9e99}}}}`)
	f.Fuzz(func(t *testing.T, locks string) {
		if !gjson.Valid(locks) {
			return
		}
		all := lockedInputs(gjson.Parse(locks))
		seen := map[string]bool{}
		for _, in := range all {
			if in.Direct && seen[in.Name] {
				t.Errorf("%q is told twice", in.Name)
			}
			seen[in.Name] = true
		}
		Stale(all, time.Hour, time.Now())
	})
}
