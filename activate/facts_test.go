package activate

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"flakeops/activate/wire"
	"flakeops/internal/nixname"
	"flakeops/internal/run"
)

const answer = "Welcome to web!\n" +
	"running\t" + oldSystem + "\nbooted\t" + oldSystem + "\nprofile\t" + newSystem + "\n" +
	"generation\tsystem-12-link\nleft\t\nmachine\tLinux x86_64\nboot\t0a-b\n" +
	"systemd\t257.9-1~deb13u1\nnix\t/nix/store/7v0cyv2sv1l1bdv2a2wzm4qzlr9vs1mg-nix-2.26.3/bin/nix\n" +
	`holder` + "\t" + `{"id":"01J","operator":"bob@desk","pid":7,"since":"2026-01-02T03:04:05Z"}` + "\n" +
	"present\t" + newSystem + "\nend\tfacts\n"

func passOver(string, string) error { return nil }

func TestParseFacts(t *testing.T) {
	f, err := parseFacts([]byte(answer), passOver)
	if err != nil {
		t.Fatal(err)
	}
	if f.Running != oldSystem || f.Profile != newSystem || f.Generation != 12 || f.Systemd != 257 ||
		f.Nix != "2.26.3" || f.BootID != "0a-b" || !f.Present[newSystem] || f.Present[oldSystem] {
		t.Errorf("%+v", f)
	}
	if f.Holder == nil || f.Holder.Operator != "bob@desk" || f.Holder.PID != 7 {
		t.Errorf("holder %+v", f.Holder)
	}
	if err := f.Check("x86_64-linux"); err != nil {
		t.Error(err)
	}
	if _, err := parseFacts([]byte(answer[:len(answer)-4]), passOver); err == nil || !strings.Contains(err.Error(), "cut short") {
		t.Errorf("a cut answer gives %v", err)
	}
}

func TestNixVersion(t *testing.T) {
	const hash = "/nix/store/7v0cyv2sv1l1bdv2a2wzm4qzlr9vs1mg-"
	for program, want := range map[string]string{
		hash + "nix-2.26.3/bin/nix":           "2.26.3",
		hash + "determinate-nix-3.0/bin/nix":  "3.0",
		hash + "nix-cli-2.31.1/bin/nix":       "2.31.1",
		hash + "lix-2.93.0-dev/bin/nix-store": "2.93.0-dev",
		hash + "nix/bin/nix":                  hash + "nix/bin/nix",
		hash + "nix-/bin/nix":                 hash + "nix-/bin/nix",
		"/usr/bin/nix-store":                  "/usr/bin/nix-store",
		"":                                    "",
	} {
		if got := nixVersion(program); got != want {
			t.Errorf("%s: %q, want %q", program, got, want)
		}
	}
}

func TestFactsCheckNamesTheCause(t *testing.T) {
	good := Facts{Running: oldSystem, Machine: "Linux x86_64", Systemd: 257, Nix: "2.26.3"}
	for want, c := range map[string]struct {
		change func(*Facts)
		system string
	}{
		"systemd is not running":               {func(f *Facts) { f.Systemd = 0 }, "x86_64-linux"},
		"nix-store is not found":               {func(f *Facts) { f.Nix = "" }, "x86_64-linux"},
		"not running NixOS":                    {func(f *Facts) { f.Running = "" }, "x86_64-linux"},
		"not a store path":                     {func(f *Facts) { f.Running = "/home/me/system" }, "x86_64-linux"},
		"built for aarch64-linux, the host is": {func(*Facts) {}, "aarch64-linux"},
		"the host is Darwin arm64":             {func(f *Facts) { f.Machine = "Darwin arm64" }, "aarch64-linux"},
	} {
		f := good
		c.change(&f)
		if err := f.Check(c.system); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if err := good.Check("i686-linux"); err != nil {
		t.Errorf("x86_64 runs i686: %v", err)
	}
}

func TestUpToDate(t *testing.T) {
	f := Facts{Running: newSystem, Profile: oldSystem}
	for goal, want := range map[wire.Goal]bool{wire.Switch: false, wire.Test: true, wire.Boot: false} {
		if got := f.UpToDate(goal, newSystem); got != want {
			t.Errorf("%s: %v", goal, got)
		}
	}
	f.Profile = newSystem
	for _, goal := range []wire.Goal{wire.Switch, wire.Test, wire.Boot} {
		if !f.UpToDate(goal, newSystem) {
			t.Errorf("%s: not up to date", goal)
		}
	}
	for why, f := range map[string]Facts{
		"its activation failed":                   {Running: newSystem, Profile: newSystem, Left: newSystem},
		"a deployment is under way":               {Running: newSystem, Profile: newSystem, Holder: &wire.Holder{ID: "ID"}},
		"the boot loader may not have it":         {Running: oldSystem, Profile: newSystem},
		"nobody confirmed it, and it may go back": {Running: newSystem, Profile: oldSystem, Holder: &wire.Holder{ID: "ID"}},
	} {
		for _, goal := range []wire.Goal{wire.Switch, wire.Test, wire.Boot} {
			if f.UpToDate(goal, newSystem) {
				t.Errorf("%s: up to date although %s", goal, why)
			}
		}
	}
}

func FuzzParseFacts(f *testing.F) {
	f.Add([]byte(answer))
	f.Add([]byte("holder\t{\nend\t\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		facts, err := parseFacts(in, passOver)
		if err != nil {
			return
		}
		if facts.Generation < 0 || facts.Systemd < 0 {
			t.Fatalf("%+v", facts)
		}
		if facts.Check("x86_64-linux") == nil && !nixname.IsStorePath(facts.Running) {
			t.Fatalf("accepted a host that runs %q", facts.Running)
		}
	})
}

// A host that is not done with a deployment is not up to date, and said to be that.
func TestFactsTellOfAnUnfinishedDeployment(t *testing.T) {
	for name, c := range map[string]struct{ line, says string }{
		"held":      {"holder\t" + `{"id":"1","operator":"ann@there"}`, "deployment 1 of ann@there is running"},
		"cut short": {"unfinished\t01ABC", "deployment 01ABC was cut short"},
		"nonsense":  {"unfinished\t../x", ""},
	} {
		f, err := parseFacts([]byte("begin\tfacts\nrunning\t"+newSystem+"\nprofile\t"+newSystem+"\n"+c.line+"\nend\tfacts\n"), passOver)
		if err != nil || !strings.Contains(f.UnderWay(), c.says) || f.UpToDate(wire.Switch, newSystem) != (c.says == "") || (c.says == "") != (f.UnderWay() == "") {
			t.Errorf("%s: %q, %v", name, f.UnderWay(), err)
		}
	}
}

// What is asked more is asked for real, and told whole whatever is in it.
func TestAsk(t *testing.T) {
	told := map[string]string{}
	take := func(name, value string) error {
		told[name] = value
		return nil
	}
	f, err := Ask(t.Context(), run.Local{}, `fact asked "$1|$2|$#"; fact lines "$(printf 'a\nb\tc\n\nend\tfacts')"`,
		[]string{"a b", "'$(id)"}, take)
	if err != nil || f.Machine == "" {
		t.Fatalf("%+v, %v", f, err)
	}
	if want := map[string]string{"asked": "a b|'$(id)|2", "lines": "a b\tc  end\tfacts"}; !maps.Equal(told, want) {
		t.Errorf("got %q, want %q", told, want)
	}
	refused := errors.New("that is not a number")
	if _, err := Ask(t.Context(), run.Local{}, "fact n x", nil, func(string, string) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("%v", err)
	}
	if _, err := Ask(t.Context(), run.Local{}, "exit 0", nil, take); err == nil || !strings.Contains(err.Error(), "cut short") {
		t.Errorf("%v", err)
	}
}
