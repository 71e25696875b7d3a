package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flakeops/internal/cli/exit"
)

// fakeNix is a nix that knows of one flake, with the nodes web and db, in the
// working directory. calls gives the arguments that it was called with.
func fakeNix(t *testing.T) (calls func() string) {
	t.Helper()
	bin, log := t.TempDir(), filepath.Join(t.TempDir(), "calls")
	script := `#!/bin/sh
echo "$*" | tr '\n' ' ' | sed 's/ $/\n/' >>` + log + `
case "$*" in
*"flake metadata"*) echo '{"url":"path:/fleet","path":"/nix/store/00000000000000000000000000000000-source","locked":{"type":"path","path":"/fleet"},"resolved":{"type":"path","path":"/fleet"},"locks":{"nodes":{"root":{}},"root":"root"}}' ;;
*nixosConfigurations*) echo '["db","web","workstation"]' ;;
*) exit 1 ;;
esac
`
	if err := os.WriteFile(filepath.Join(bin, "nix"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv("FLAKEOPS_FLAKE", "")
	t.Setenv("FLAKEOPS_SELF", "")
	return func() string {
		text, _ := os.ReadFile(log)
		_ = os.Remove(log)
		return string(text)
	}
}

// A word that is no verb gets what was meant, and no registry is asked for it.
func TestWordsThatAreNoFlake(t *testing.T) {
	calls := fakeNix(t)
	t.Chdir(t.TempDir())
	for line, want := range map[string]string{
		"depoly":            "did you mean flakeops deploy?",
		"valdate":           "did you mean flakeops validate?",
		"lits --json":       "did you mean flakeops list?",
		"--on web biuld":    "did you mean flakeops build?",
		"switch":            "`flakeops deploy`",
		"apply --on x":      "`flakeops deploy`",
		"apply-local":       "nixos-rebuild switch",
		"test":              "`flakeops deploy --test`",
		"boot":              "`flakeops deploy --boot`",
		"build-vm":          "nixos-rebuild build-vm",
		"revert":            "`flakeops rollback` goes back",
		"rollback 3 --to x": "name one",
		"rollback 0":        "generations count from 1",
		"web":               "web is a node of the flake at ., not a flake: did you mean flakeops --on web?",
		"deploy web":        "did you mean flakeops deploy --on web?",
		"keys list db":      "did you mean flakeops keys list --on db?",
		"plan wbe":          "did you mean flakeops plan --on web?",
		"workstatoin":       "did you mean flakeops --on workstation?",
		"deploy switch":     "neither a verb nor a directory",
		"nixpkgs":           "flake:nixpkgs",
		"help depoly":       "flakeops has no verb depoly: did you mean deploy?",
		"help switch":       "`flakeops deploy`",
		"help keys lsit":    "did you mean list?",
		"help nonsense":     "see flakeops --help",
		"deploy web db":     "unexpected argument db: a verb takes one flake, and nodes are chosen by --on",
		".#web plan":        "unexpected argument plan: the verb comes first",
		"plan --yes":        "unknown flag --yes: it is a flag of deploy and rollback, not of plan",
		"build -y":          "unknown flag -y: it is a flag of deploy and rollback, not of build",
		"plan --pusch":      "unknown flag --pusch: did you mean --push?",
		"--no-auto-rolbk":   "unknown flag --no-auto-rolbk: did you mean --no-auto-rollback?",
		"list --partiton":   "did you mean --partition, a flag of build?",
		"deploy --flake .":  "the flake is an argument",
		"--dry-run":         "flakeops plan",
		"--on web plan":     "--on comes after the verb, as in flakeops plan --on\nRun \"flakeops plan --help\"",
		"--yes plan":        "unknown flag --yes: it is a flag of deploy and rollback, not of plan",
		"keys":              "keys lacks an argument: expected \"list\"\nRun \"flakeops keys --help\"",
		"--frobnicate":      "unknown flag --frobnicate\n",
	} {
		code, stdout, stderr := runMain(t.Context(), strings.Fields(line)...)
		if code != exit.Other || !strings.HasPrefix(stderr, "error: ") || !strings.Contains(stderr, want) {
			t.Errorf("%q: exit code %d, %q, want %q", line, code, stderr, want)
		}
		if !strings.Contains(line, "--json") && stdout != "" {
			t.Errorf("%q: stdout %q", line, stdout)
		}
		for call := range strings.Lines(calls()) {
			if !strings.Contains(call, "--offline") {
				t.Errorf("%q: nix was asked over the network: %s", line, call)
			}
		}
	}
	// What is near to a verb needs no nix at all.
	if runMain(t.Context(), "depoly"); calls() != "" {
		t.Error("nix was called")
	}
}

// The flake may be named elsewhere, and a directory is one.
func TestWordsThatAreDirectories(t *testing.T) {
	calls := fakeNix(t)
	t.Chdir(t.TempDir())
	if err := os.Mkdir("fleet", 0o700); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{"list fleet": "--json ./fleet --no", "fleet#web": "--json ./fleet --no", "list flake:fleet": "--json flake:fleet --no", "list other#web": "--json other --no"} {
		runMain(t.Context(), strings.Fields(line)...)
		if said := calls(); !strings.Contains(said, want) {
			t.Errorf("%q: nix was asked for %q, want %q", line, said, want)
		}
	}
	t.Setenv("FLAKEOPS_FLAKE", "fleet")
	runMain(t.Context(), "list")
	if said := calls(); !strings.Contains(said, "--json ./fleet --no") {
		t.Errorf("from the environment: %q", said)
	}
	t.Setenv("FLAKEOPS_FLAKE", "github:example/fleet")
	if _, _, stderr := runMain(t.Context(), "web"); !strings.Contains(stderr, "a node of the flake at github:example/fleet") {
		t.Errorf("%q", stderr)
	}
}

func TestHelpIsAVerb(t *testing.T) {
	for line, same := range map[string]string{"help": "--help", "help plan": "plan --help", "help keys": "keys --help", "help keys list": "keys list --help"} {
		code, stdout, stderr := runMain(t.Context(), strings.Fields(line)...)
		_, want, _ := runMain(t.Context(), strings.Fields(same)...)
		if code != exit.Done || stderr != "" || stdout == "" || stdout != want {
			t.Errorf("%q: exit code %d, %q\n%s", line, code, stderr, stdout)
		}
	}
}

// A program that reads JSON gets it for a command line that is wrong, too.
func TestUsageErrorsInJSON(t *testing.T) {
	fakeNix(t)
	t.Chdir(t.TempDir())
	for _, line := range []string{"depoly --json", "deploy --json --bogus", "--json --test --boot", "deploy --json --parallel 0",
		"deploy --confirm-timeout 0 --json", "reboot --timeout 0 --json", "plan --json --yes"} {
		code, stdout, stderr := runMain(t.Context(), strings.Fields(line)...)
		var doc struct {
			Version, ExitCode int
			Error             string
		}
		if err := json.Unmarshal([]byte(stdout), &doc); err != nil || doc.Version != 1 || doc.ExitCode != code || code != exit.Other {
			t.Errorf("%q: exit code %d, %v in %q", line, code, err, stdout)
		}
		if doc.Error == "" || !strings.Contains(stderr, doc.Error) {
			t.Errorf("%q: stdout %q, stderr %q", line, stdout, stderr)
		}
	}
}
