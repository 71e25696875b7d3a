package cli

import (
	"bytes"
	"context"
	"reflect"
	"strings"
	"testing"

	"flakeops/internal/cli/exit"
	"flakeops/internal/settings"
)

// parse parses a command line and returns the grammar it filled and the verb.
func parse(t *testing.T, args ...string) (*grammar, string, error) {
	t.Helper()
	g := &grammar{}
	parser, err := newParser(t.Context(), g, &session{stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, err := parser.Parse(args)
	if err != nil {
		return g, "", err
	}
	verb, _, _ := strings.Cut(ctx.Command(), " ")
	return g, verb, nil
}

func TestDeployIsTheDefault(t *testing.T) {
	for _, line := range []string{"", ".#web", "--test .#web", "deploy .#web --test", "-v --on a,b --on @c"} {
		if _, verb, err := parse(t, strings.Fields(line)...); err != nil || verb != "deploy" {
			t.Errorf("%q: verb %q, %v", line, verb, err)
		}
	}
	if g, _, err := parse(t); err != nil || g.Deploy.Flake != "" || g.Deploy.Parallel != 10 {
		t.Errorf("defaults: %+v, %v", g.Deploy, err)
	}
}

func TestFlakeFromTheEnvironment(t *testing.T) {
	t.Setenv("FLAKEOPS_FLAKE", "github:example/fleet")
	g, _, err := parse(t, "list")
	if err != nil || g.List.Flake != "github:example/fleet" {
		t.Errorf("%q, %v", g.List.Flake, err)
	}
	g, _, err = parse(t, "list", "./here")
	if err != nil || g.List.Flake != "./here" {
		t.Errorf("%q, %v", g.List.Flake, err)
	}
}

func TestSelectionFlags(t *testing.T) {
	g, verb, err := parse(t, "build", ".", "--on", "web-*,@db", "--include", "mail", "--exclude=web-2")
	if err != nil || verb != "build" {
		t.Fatal(verb, err)
	}
	if want := []string{"web-*,@db", "mail"}; !reflect.DeepEqual(g.Build.On, want) {
		t.Errorf("on %q, want %q", g.Build.On, want)
	}
	if want := []string{"web-2"}; !reflect.DeepEqual(g.Build.Exclude, want) {
		t.Errorf("exclude %q, want %q", g.Build.Exclude, want)
	}
}

func TestNixFlagsArePassedOn(t *testing.T) {
	g, _, err := parse(t, "--option", "cores", "2", "--option", "sandbox", "--odd", "--override-input", "nixpkgs", "path:/x",
		"--impure", "--show-trace", "--refresh", "--offline", "--builders", "", "-j", "auto", "--cores", "0")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"--option", "cores", "2", "--option", "sandbox", "--odd", "--override-input", "nixpkgs", "path:/x",
		"--impure", "--show-trace", "--refresh", "--offline", "--builders", "", "--max-jobs", "auto", "--cores", "0"}
	if got := g.Deploy.args(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if g, _, _ := parse(t); len(g.Deploy.args()) != 0 {
		t.Errorf("without flags: %q", g.Deploy.args())
	}
}

func TestGoals(t *testing.T) {
	for line, want := range map[string]string{"": "switch", "--test": "test", "--boot": "boot", "--dry-activate": "dry-activate"} {
		g, _, err := parse(t, strings.Fields(line)...)
		if err != nil || string(g.Deploy.goal()) != want {
			t.Errorf("%q: %q, %v", line, g.Deploy.goal(), err)
		}
	}
}

func TestOverrides(t *testing.T) {
	for line, want := range map[string]settings.Settings{
		"":                              {MagicRollback: true, AutoRollback: true, ConfirmTimeout: 30, ActivationTimeout: 300},
		"--no-magic-rollback":           {AutoRollback: true, ConfirmTimeout: 30, ActivationTimeout: 300},
		"--magic-rollback=false":        {AutoRollback: true, ConfirmTimeout: 30, ActivationTimeout: 300},
		"--no-auto-rollback":            {MagicRollback: true, ConfirmTimeout: 30, ActivationTimeout: 300},
		"--confirm-timeout 5":           {MagicRollback: true, AutoRollback: true, ConfirmTimeout: 5, ActivationTimeout: 300},
		"--activation-timeout=9":        {MagicRollback: true, AutoRollback: true, ConfirmTimeout: 30, ActivationTimeout: 9},
		"--magic-rollback --no-confirm": {},
	} {
		g, _, err := parse(t, strings.Fields(line)...)
		if strings.Contains(line, "--no-confirm") {
			if err == nil {
				t.Errorf("%q was accepted", line)
			}
			continue
		}
		d := settings.Settings{MagicRollback: true, AutoRollback: true, ConfirmTimeout: 30, ActivationTimeout: 300}
		g.Deploy.overrides.apply(&d)
		if err != nil || !reflect.DeepEqual(d, want) {
			t.Errorf("%q: %+v, %v", line, d, err)
		}
	}
	off := settings.Settings{}
	g, _, err := parse(t, "--magic-rollback", "--auto-rollback")
	if g.Deploy.overrides.apply(&off); err != nil || !off.MagicRollback || !off.AutoRollback {
		t.Errorf("not switched on: %+v, %v", off, err)
	}
}

// runMain runs Main and returns its exit code and what it wrote.
func runMain(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = Main(ctx, append([]string{"flakeops"}, args...), strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

func TestUsageErrors(t *testing.T) {
	for _, line := range []string{
		"--bogus", "--test --boot", "--dry-activate --test", "--option name", "--log-format xml list",
		"--parallel many", "build --test", ". another", "--confirm-timeout 0", "--activation-timeout -1", "--parallel 0",
	} {
		code, stdout, stderr := runMain(t.Context(), strings.Fields(line)...)
		if code != exit.Other || stdout != "" || !strings.HasPrefix(stderr, "error: ") {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", line, code, stdout, stderr)
		}
	}
}

func TestHelp(t *testing.T) {
	for line, want := range map[string]string{
		"--help": "dry", "deploy --help": "--rollback-succeeded", "build -h": "store path", "list --help": "--json", "version --help": "platform",
	} {
		code, stdout, stderr := runMain(t.Context(), strings.Fields(line)...)
		if code != exit.Done || stderr != "" {
			t.Errorf("%q: exit code %d, stderr %q", line, code, stderr)
		}
		if line != "--help" && !strings.Contains(stdout, want) {
			t.Errorf("%q lacks %q:\n%s", line, want, stdout)
		}
		if !strings.Contains(stdout, "EXIT STATUS") || !strings.Contains(stdout, "  130  interrupted\n") {
			t.Errorf("%q lacks the exit codes:\n%s", line, stdout)
		}
		if strings.Contains(stdout, "agent") {
			t.Errorf("%q shows the hidden verb:\n%s", line, stdout)
		}
	}
}

func TestVersion(t *testing.T) {
	code, stdout, _ := runMain(t.Context(), "version")
	if code != exit.Done || !strings.HasPrefix(stdout, "flakeops ") || !strings.Contains(stdout, "go1.") {
		t.Errorf("exit code %d, %q", code, stdout)
	}
	if _, flag, _ := runMain(t.Context(), "--version"); flag != stdout {
		t.Errorf("--version says %q, version %q", flag, stdout)
	}
	if _, doc, _ := runMain(t.Context(), "version", "--json"); !strings.Contains(doc, `"version": 1,`) {
		t.Errorf("--json: %s", doc)
	}
}
