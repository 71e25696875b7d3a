package activate

import (
	"context"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"flakeops/activate/closure"
	"flakeops/internal/run"
)

const storeHash = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-"

// canned is a host that gives one answer, and keeps what it was asked.
type canned struct {
	answer string
	argv   []string
	stdin  string
}

func (c *canned) Run(_ context.Context, cmd run.Command) (run.Result, error) {
	c.argv = cmd.Argv
	if cmd.Stdin != nil {
		text, err := io.ReadAll(cmd.Stdin)
		if err != nil {
			return run.Result{}, err
		}
		c.stdin = string(text)
	}
	_, err := io.WriteString(cmd.Stdout, c.answer)
	return run.Result{}, err
}

// surveyText is the answer of a host that has the new system.
func surveyText() string {
	return "begin\tsurvey\n" +
		"running\t" + storeHash + "a-1\n" + "new\t" + storeHash + "a-2\n" + "running\t" + storeHash + "b\n" +
		"new-size\t7\n" + "running-size\t3\n" + "running-size\t4\n" +
		"missing\t" + storeHash + "agent\n" + "checked\tyes\n" +
		"booted-kernel\t" + storeHash + "linux-6.6/bzImage\n" + "booted-kernel-params\tquiet  loglevel=4 \n" +
		"booted-switch-inhibitors\t\n" + "new-switch-inhibitors\tdbus-broker \n" +
		"new-kernel\t" + storeHash + "linux-6.7/bzImage\n" + "unheard-of\tx\n" +
		`manifest` + "\t" + `{"version":1,"keys":["/run/keys/b","/run/keys/a"]} ` + "\n" +
		"end\tsurvey\n"
}

func TestSurvey(t *testing.T) {
	host := &canned{answer: surveyText()}
	s, err := ReadSurvey(t.Context(), host, Question{System: storeHash + "a-2", Agent: storeHash + "agent"})
	if err != nil {
		t.Fatal(err)
	}
	want := Survey{
		Running: closure.Closure{storeHash + "a-1": 3, storeHash + "b": 4},
		New:     closure.Closure{storeHash + "a-2": 7},
		Missing: map[string]bool{storeHash + "agent": true},
		Booted:  Parts{Kernel: storeHash + "linux-6.6/bzImage", Params: "quiet loglevel=4", Inhibitors: "switch-inhibitors"},
		Next:    Parts{Kernel: storeHash + "linux-6.7/bzImage", Inhibitors: "switch-inhibitors dbus-broker"},
		Keys:    []string{"/run/keys/a", "/run/keys/b"},
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
	if got := host.argv[3:]; !slices.Equal(got, []string{"sh", storeHash + "a-2", storeHash + "agent"}) {
		t.Errorf("asked with %q", got)
	}
}

func TestSurveyOfWhatIsKnownHere(t *testing.T) {
	host := &canned{answer: "checked\tyes\nmissing\t" + storeHash + "y\nend\tsurvey\n"}
	here := closure.Closure{storeHash + "y": 2, storeHash + "x": 1}
	s, err := ReadSurvey(t.Context(), host, Question{System: storeHash + "y", New: here})
	if err != nil || !reflect.DeepEqual(s.New, here) || !s.Missing[storeHash+"y"] || s.Missing[storeHash+"x"] {
		t.Errorf("%+v, %v", s, err)
	}
	if want := storeHash + "x\n" + storeHash + "y"; host.stdin != want {
		t.Errorf("asked for %q, want %q", host.stdin, want)
	}
}

func TestSurveyRefuses(t *testing.T) {
	for name, answer := range map[string]string{
		"cut short":          strings.TrimSuffix(surveyText(), "end\tsurvey\n"),
		"which store paths":  "end\tsurvey\n",
		"1 sizes for 2":      strings.Replace(surveyText(), "running-size\t4\n", "", 1),
		"not a size":         strings.Replace(surveyText(), "running-size\t4", "running-size\t-4", 1),
		"not a store path":   strings.Replace(surveyText(), "running\t/nix/store", "running\t/tmp", 1),
		"bufio.Scanner":      strings.Repeat("x", 2<<20) + surveyText(),
		"it wrote more than": strings.Repeat("x\ty\n", maxSurvey/4+1),
	} {
		_, err := ReadSurvey(t.Context(), &canned{answer: answer}, Question{System: storeHash + "y"})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, q := range []Question{{}, {System: "-y"}, {System: storeHash + "y", Agent: "/bin/sh"}} {
		if _, err := ReadSurvey(t.Context(), &canned{answer: surveyText()}, q); err == nil {
			t.Errorf("%+v was asked", q)
		}
	}
}

func TestWantsReboot(t *testing.T) {
	booted := Parts{
		Kernel: storeHash + "linux-6.6/bzImage", Modules: storeHash + "linux-6.6-modules/x",
		Initrd: storeHash + "initrd/initrd", Systemd: storeHash + "systemd-256", Params: "quiet",
	}
	if why := booted.WantsReboot(booted); len(why) > 0 {
		t.Errorf("for nothing: %q", why)
	}
	if why := booted.WantsReboot(Parts{}); len(why) > 0 {
		t.Errorf("for a system without a kernel: %q", why)
	}
	next := Parts{
		Kernel: storeHash + "linux-6.7/bzImage", Modules: storeHash + "linux-6.7-modules/x",
		Initrd: storeHash + "initrd-linux/initrd", Systemd: storeHash + "systemd-257", Params: "loud",
	}
	want := []string{"kernel 6.6 -> 6.7", "kernel modules 6.6 -> 6.7", "initrd", "systemd 256 -> 257", "kernel parameters"}
	if why := booted.WantsReboot(next); !slices.Equal(why, want) {
		t.Errorf("got %q, want %q", why, want)
	}

	// NixOS compares them where both systems have some, be it an empty list.
	none, some := Parts{Inhibitors: "switch-inhibitors"}, Parts{Inhibitors: "switch-inhibitors dbus-broker"}
	for _, c := range []struct {
		booted, next Parts
		want         bool
	}{{Parts{}, some, false}, {some, Parts{}, false}, {some, some, false}, {none, some, true}, {some, none, true}} {
		if why := c.booted.WantsReboot(c.next); (len(why) > 0) != c.want {
			t.Errorf("%+v, %+v: %q", c.booted, c.next, why)
		}
	}
}

func FuzzParseSurvey(f *testing.F) {
	f.Add([]byte(surveyText()))
	f.Add([]byte("new\t\nnew-size\t1\nchecked\tyes\nend\tsurvey\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := parseSurvey(text)
		if err != nil {
			return
		}
		for _, c := range []closure.Closure{s.Running, s.New} {
			for path, size := range c {
				if !strings.HasPrefix(path, "/nix/store/") || size < 0 {
					t.Errorf("%q of %d bytes", path, size)
				}
			}
		}
	})
}
