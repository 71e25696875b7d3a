package nixname

import (
	"path"
	"strconv"
	"strings"
	"testing"
)

const hash = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-"

func TestIsStorePath(t *testing.T) {
	for s, want := range map[string]bool{
		hash + "nixos-system-web-25.11": true, hash + "a+b.c_d?e=f": true, hash + strings.Repeat("x", 211): true,
		hash: false, hash + strings.Repeat("x", 212): false, hash + "x/bin": false, hash + "x\n": false, hash + "a b": false,
		"/nix/store/0123456789abcdefghijklmnpqrsvwxy-x": false, "/nix/store/short-x": false, "/nix/store": false, "": false,
		"/other/store/" + strings.TrimPrefix(hash, "/nix/store/") + "x": false,
	} {
		if IsStorePath(s) != want {
			t.Errorf("%.60q: %v", s, !want)
		}
	}
}

func TestInStore(t *testing.T) {
	for s, want := range map[string]bool{
		"/nix/store": true, "/nix/store/x": true, hash + "x/bin": true, "/nix/../nix/store/x": true,
		"/nix/storex": false, "/nix": false, "/nix/store/../x": false, "nix/store": false, "": false,
	} {
		if InStore(s) != want {
			t.Errorf("%q: %v", s, !want)
		}
	}
}

func TestGeneration(t *testing.T) {
	for link, want := range map[string]int{
		"system-12-link": 12, "/nix/var/nix/profiles/system-7-link": 7, "my-own-3-link": 3,
		"system-link": 0, "system": 0, "": 0, "system--link": 0, "system-1x-link": 0, "/nix/store/abc": 0,
		"system-+5-link": 0, "system-99999999999999999999-link": 0, "5-link": 0,
	} {
		if got := Generation(link); got != want {
			t.Errorf("%q: %d, want %d", link, got, want)
		}
	}
}

func FuzzGeneration(f *testing.F) {
	f.Add("system-12-link")
	f.Add("/a/b-007-link")
	f.Fuzz(func(t *testing.T, link string) {
		n := Generation(link)
		if n < 0 || n > 0 && Generation("system-"+strconv.Itoa(n)+"-link") != n {
			t.Errorf("%q: %d", link, n)
		}
	})
}

func FuzzIsStorePath(f *testing.F) {
	f.Add(hash + "x")
	f.Fuzz(func(t *testing.T, s string) {
		if IsStorePath(s) && (path.Dir(s) != StoreDir || path.Clean(s) != s || !InStore(s)) {
			t.Errorf("%q", s)
		}
	})
}
