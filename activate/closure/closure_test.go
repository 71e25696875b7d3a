package closure

import (
	"reflect"
	"testing"
)

const hash = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-"

func TestPackageOf(t *testing.T) {
	for name, want := range map[string]Package{
		"openssl-3.0.1":                 {"openssl", "3.0.1"},
		"openssl-3.0.1-bin":             {"openssl", "3.0.1"},
		"linux-6.6.1-modules":           {"linux", "6.6.1"},
		"glib-2.80.0-dev":               {"glib", "2.80.0"},
		"foo-1.0-rc1":                   {"foo", "1.0-rc1"},
		"unit-nginx.service":            {"unit-nginx.service", ""},
		"nixos-system-web-25.11.2026":   {"nixos-system-web", "25.11.2026"},
		"nixos-system-web-1-3":          {"nixos-system-web", "1-3"},
		"python3.12-requests-2.31.0":    {"python3.12-requests", "2.31.0"},
		"perl5.38.2-URI-5.21":           {"perl5.38.2-URI", "5.21"},
		"gtk+-3.24":                     {"gtk+", "3.24"},
		"source":                        {"source", ""},
		"etc":                           {"etc", ""},
		"-1":                            {"-1", ""},
		"ends-with-":                    {"ends-with-", ""},
		"firmware-bin":                  {"firmware-bin", ""},
		"xz-5.4.6-bin-more":             {"xz", "5.4.6-bin-more"},
		"2048-in-terminal-0-unstable-1": {"2048-in-terminal", "0-unstable-1"},
	} {
		if got := PackageOf(hash + name); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

func TestCompareVersions(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"1.0", "2.3", -1}, {"2.1", "2.3", -1}, {"2.3", "2.3", 0}, {"2.5", "2.3", 1}, {"3.1", "2.3", 1},
		{"2.3.1", "2.3", 1}, {"2.3.1", "2.3a", 1}, {"2.3pre1", "2.3", -1}, {"2.3pre3", "2.3pre12", -1},
		{"2.3a", "2.3c", -1}, {"2.3pre1", "2.3c", -1}, {"2.3pre1", "2.3q", -1}, {"", "", 0}, {"1", "", 1},
		{"10", "9", 1}, {"1.09", "1.9", 0}, {"99999999999999999999999", "100000000000000000000000", -1},
		{"1-2", "1.2", 0},
	} {
		if got := CompareVersions(c.a, c.b); got != c.want {
			t.Errorf("%q and %q: %d, want %d", c.a, c.b, got, c.want)
		}
		if got := CompareVersions(c.b, c.a); got != -c.want {
			t.Errorf("%q and %q: %d, want %d", c.b, c.a, got, -c.want)
		}
	}
}

func TestCompare(t *testing.T) {
	from := Closure{
		hash + "a-1.0": 10, hash + "gone-2": 5, hash + "up-1.9": 1, hash + "down-2": 1,
		hash + "same-1": 7, hash + "etc": 3, hash + "two-1": 1, hash + "two-2": 1,
	}
	to := Closure{
		hash + "a-1.0": 10, hash + "come": 4, hash + "up-1.10": 1, hash + "down-1": 1,
		"/nix/store/zzzz-same-1": 7, "/nix/store/zzzz-etc": 3, hash + "two-2": 1,
	}
	want := Difference{
		Added:      []Change{{Name: "come", New: []string{""}}},
		Removed:    []Change{{Name: "gone", Old: []string{"2"}}},
		Upgraded:   []Change{{Name: "up", Old: []string{"1.9"}, New: []string{"1.10"}}},
		Downgraded: []Change{{Name: "down", Old: []string{"2"}, New: []string{"1"}}, {Name: "two", Old: []string{"1", "2"}, New: []string{"2"}}},
		Rebuilt:    []string{"etc", "same"},
	}
	if got := Compare(from, to); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if d := Compare(from, from); !d.Empty() {
		t.Errorf("a closure differs from itself: %+v", d)
	}
	if got := from.Size() - to.Size(); got != 2 {
		t.Errorf("sizes differ by %d", got)
	}
}

// Whatever the names are, every path that changed is told of, and swapping the
// closures swaps the answer.
func FuzzCompare(f *testing.F) {
	f.Add("a-1", "a-2", "b")
	f.Add("two-1", "two-1-bin", "two-2pre")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		from, to := Closure{hash + a: 1, hash + b: 1}, Closure{hash + b: 1, hash + c: 1}
		there, back := Compare(from, to), Compare(to, from)
		if there.Empty() != reflect.DeepEqual(from, to) {
			t.Errorf("%q, %q, %q: %+v", a, b, c, there)
		}
		if len(there.Added) != len(back.Removed) || len(there.Removed) != len(back.Added) ||
			len(there.Upgraded)+len(there.Downgraded) != len(back.Upgraded)+len(back.Downgraded) ||
			!reflect.DeepEqual(there.Rebuilt, back.Rebuilt) {
			t.Errorf("%q, %q, %q: %+v and back %+v", a, b, c, there, back)
		}
	})
}
