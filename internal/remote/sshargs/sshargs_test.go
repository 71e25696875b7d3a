package sshargs

import (
	"reflect"
	"strings"
	"testing"

	"flakeops/internal/run"
)

func TestSplit(t *testing.T) {
	for in, want := range map[string][]string{
		"":                                       nil,
		" \t\n":                                  nil,
		"-F /a/b":                                {"-F", "/a/b"},
		`-o ProxyCommand="ssh -W %h:%p x"`:       {"-o", "ProxyCommand=ssh -W %h:%p x"},
		`'a b' "c 'd'" e\ f "g\"h\\i\n"`:         {"a b", "c 'd'", "e f", `g"h\i\n`},
		`'' ""`:                                  {"", ""},
		`a''b`:                                   {"ab"},
		`nix-store --serve --write --store '/a'`: {"nix-store", "--serve", "--write", "--store", "/a"},
	} {
		got, err := Split(in)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{`'a`, `"a`, `a\`, `"a\"`} {
		if got, err := Split(in); err == nil {
			t.Errorf("%q: %q", in, got)
		}
	}
}

// FuzzSplit: what run.Quote joins, Split takes apart again.
func FuzzSplit(f *testing.F) {
	f.Add("a\x00b c\x00it's")
	f.Add(`\"$x` + "\x00\x00\n")
	f.Fuzz(func(t *testing.T, s string) {
		words := strings.Split(s, "\x00")
		got, err := Split(run.Quote(words))
		if err != nil || !reflect.DeepEqual(got, words) {
			t.Errorf("%q: %q, %v", words, got, err)
		}
		_, _ = Split(s)
	})
}

func TestParseSSHArgs(t *testing.T) {
	for _, tc := range []struct {
		args string // separated by |
		want Args
	}{
		{"host|-x|-a|nix-store --serve --write", Args{"host", []Option{{'x', ""}, {'a', ""}}, "nix-store --serve --write"}},
		{"u@host|-x|-oA=b|-p2222|--|nix-daemon|--stdio", Args{"u@host", []Option{{'x', ""}, {'o', "A=b"}, {'p', "2222"}}, "nix-daemon --stdio"}},
		{"-O|check|host|-o|A b", Args{"host", []Option{{'O', "check"}, {'o', "A b"}}, ""}},
		{"-xaMN|-S|/s|host", Args{"host", []Option{{'x', ""}, {'a', ""}, {'M', ""}, {'N', ""}, {'S', "/s"}}, ""}},
		{"-vvF/x|--|host|cmd|-x", Args{"host", []Option{{'v', ""}, {'v', ""}, {'F', "/x"}}, "cmd -x"}},
		{"--|host|-x|cmd", Args{"host", []Option{{'x', ""}}, "cmd"}},
		{"host|--", Args{Host: "host"}},
	} {
		got, err := Parse(strings.Split(tc.args, "|"))
		if err != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: %+v, %v", tc.args, got, err)
		}
	}
	if a, err := Parse([]string{"host", "-o"}); err == nil {
		t.Errorf("%+v", a)
	}
}

func TestSSHOptionLookup(t *testing.T) {
	a, err := Parse([]string{"h", "-oPermitLocalCommand=yes", "-o", "permitlocalcommand no", "-o", "X = y z", "-F", "a", "-F", "b"})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"PERMITlocalcommand": "yes", "x": "y z", "none": ""} {
		if got, ok := a.Option(name); got != want || ok != (want != "") {
			t.Errorf("%s: %q", name, got)
		}
	}
	if f, _ := a.Last('F'); f != "b" {
		t.Errorf("-F %q", f)
	}
}

func FuzzParseSSHArgs(f *testing.F) {
	f.Add("u@host|-x|-oA=b|--|nix-daemon|--stdio")
	f.Add("-O|check|--|-x")
	f.Fuzz(func(t *testing.T, s string) {
		args := strings.Split(s, "|")
		a, err := Parse(args)
		if err != nil {
			return
		}
		// Nothing is made up: every part comes from the words.
		joined := strings.Join(args, " ")
		if !strings.Contains(joined, a.Command) || !strings.Contains(joined, a.Host) {
			t.Errorf("%q: %+v", args, a)
		}
		for _, o := range a.Options {
			if !strings.Contains(joined, o.Value) {
				t.Errorf("%q: %+v", args, a)
			}
		}
	})
}
