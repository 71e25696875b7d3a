package architecture

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "flakeops"

// layers says which packages of this module each package may import. Imports
// run downward only, and flake, activate and keys never meet.
func layers() map[string][]string {
	bottom := []string{"internal/remote", "activate/wire", "internal/fault", "internal/sshname", "internal/lazy", "internal/run", "internal/settings", "internal/nixname", "internal/systemd"}
	rooms := append([]string{"flake", "flake/store", "activate", "keys", "keys/message", "internal/archive", "activate/closure", "activate/inspect", "internal/limit"}, bottom...)
	return map[string][]string{
		// The program plays three parts, and main gives them out.
		"": {"internal/cli", "internal/cli/exit", "activate/agent", "internal/remote/lend", "internal/fault", "internal/signals"},
		// The verbs ask the engine; that hosts are reached by SSH is not for them to know.
		"internal/cli": {"internal/cli/document", "internal/cli/exit", "internal/cli/manual", "internal/cli/usage", "internal/deployer", "internal/fleet", "internal/ui", "flake", "flake/nix", "activate", "activate/closure", "activate/garbage", "activate/inspect", "activate/wire", "internal/archive", "internal/fault", "internal/limit", "internal/run", "internal/settings"},
		// Answers are made of what the engine knows once a verb is through: they ask for nothing.
		"internal/cli/document": {"internal/cli/exit", "internal/fleet", "internal/ui", "flake", "activate/closure", "activate/garbage", "activate/inspect", "activate/wire", "keys/message", "internal/archive", "internal/fault", "internal/run"},
		"internal/cli/exit":     {"internal/fleet", "internal/fault"},
		// What a mistaken word may have meant takes a look at the flake's nodes.
		"internal/cli/usage":  {"internal/deployer", "flake", "flake/nix", "internal/fault"},
		"internal/cli/manual": {},
		// The engine tells what happens, and has no words for it: it knows neither
		// who listens nor what the verbs are.
		"internal/fleet": rooms,
		// The engine is given a store, a network and agents, and does not know of SSH.
		"internal/deployer":        append([]string{"internal/fleet", "flake/nix", "internal/remote/ask", "internal/remote/lend", "internal/remote/resolve", "internal/remote/sessions", "internal/remote/sshargs"}, rooms...),
		"internal/fleet/fleettest": append([]string{"internal/fleet"}, rooms...),
		"internal/ui":              {"internal/ansi", "internal/fleet"},
		"flake":                    {"flake/nix", "flake/store", "internal/fault", "internal/nixname", "internal/settings", "internal/run"},
		// The store knows systems, and neither flakes nor nodes' settings.
		"flake/store":       {"flake/nix", "internal/fault", "internal/nixname", "internal/run"},
		"flake/nix":         {"internal/ansi", "internal/run"},
		"flake/nix/nixtest": {"flake/nix"},
		"activate":          append([]string{"activate/closure"}, bottom...),
		"keys":              append([]string{"keys/message"}, bottom...),
		"keys/install":      {"keys/message", "internal/onhost", "internal/run"},
		"keys/message":      {"internal/nixname"},
		"activate/agent":    {"activate/agent/bootloader", "activate/agent/history", "activate/agent/lock", "activate/agent/orphans", "activate/wire", "internal/nixname", "internal/onhost", "internal/run", "internal/systemd", "keys/install"},
		// It is pushed to every host and runs as root there: the agent and no more.
		"activate/agent/flakeops-agent": {"activate/agent", "internal/signals"},
		"activate/agent/bootloader":     {"internal/nixname"},
		// What it keeps, and whom it keeps out, does not depend on how a deployment goes.
		"activate/agent/history": {"activate/wire", "internal/onhost"},
		"activate/agent/lock":    {"activate/wire", "internal/onhost"},
		"activate/agent/orphans": {},
		"activate/closure":       {},
		// What daily verbs are told of a host. It deploys nothing, so activate does without it.
		"activate/inspect": {"activate", "activate/wire", "internal/nixname", "internal/run", "internal/systemd"},
		// What may go is decided by what daily verbs are told.
		"activate/garbage": {"activate", "activate/inspect", "internal/fault", "internal/run"},
		"internal/remote":  {"internal/remote/ask", "internal/remote/auth", "internal/remote/resolve", "internal/remote/sessions", "internal/remote/trust", "internal/fault", "internal/run"},
		// Whether a host is the right one and how to log in are decided apart.
		"internal/remote/auth":  {"internal/remote/ask", "internal/remote/resolve", "internal/fault"},
		"internal/remote/trust": {"internal/remote/ask", "internal/remote/resolve", "internal/fault", "internal/run"},
		// What is run over a connection does not depend on how it came to be.
		"internal/remote/sessions": {"internal/remote/ask", "internal/fault", "internal/run"},
		// Who asks the operator knows neither hosts nor files: both are told.
		"internal/remote/ask":     {},
		"internal/remote/resolve": {"internal/remote/sshargs", "internal/fault", "internal/sshname", "internal/run"},
		// nix is lent a run.Runner: whoever lends need not know what SSH is.
		"internal/remote/lend":    {"internal/remote/sshargs", "internal/run"},
		"internal/remote/sshargs": {},
		"activate/wire":           {"internal/nixname"},
		"internal/fault":          {},
		"internal/sshname":        {},
		"internal/ansi":           {},
		"internal/lazy":           {},
		"internal/limit":          {},
		// Files as they travel: who carries them is not its business.
		"internal/archive":  {"internal/run"},
		"internal/signals":  {},
		"internal/run":      {},
		"internal/settings": {},
		// What Nix and systemd say is read in one place, for the agent and the deployer.
		"internal/nixname": {},
		"internal/systemd": {"internal/run"},
		// Files that root keeps on a host: the agent's and those about keys alike.
		"internal/onhost": {},
	}
}

// standardOnly are the packages that import the standard library only.
func standardOnly() []string {
	return []string{"activate/wire", "internal/ansi", "internal/archive", "internal/fault", "internal/sshname", "internal/lazy", "internal/limit", "internal/nixname", "internal/systemd", "internal/onhost", "internal/run", "internal/signals", "keys/message", "activate/closure", "activate/agent/bootloader"}
}

type listed struct {
	ImportPath   string
	Dir          string
	Name         string
	Imports      []string
	TestImports  []string
	XTestImports []string
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
}

// packages lists the module's packages with their paths inside the module.
func packages(t *testing.T) map[string]listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json", "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	all := map[string]listed{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all[inside(p.ImportPath)] = p
	}
	if len(all) < len(layers())/2 {
		t.Fatalf("go list found only %d packages", len(all))
	}
	return all
}

// inside is an import path of this module without the module's name.
func inside(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
}

func TestImportsRunDownward(t *testing.T) {
	for path, p := range packages(t) {
		if strings.HasPrefix(path, "tests/") {
			continue // they may look at everything
		}
		allowed, known := layers()[path]
		if !known {
			t.Errorf("package %s has no place in the layers", path)
			continue
		}
		for _, i := range p.Imports {
			ours := i == module || strings.HasPrefix(i, module+"/")
			switch {
			case ours && !slices.Contains(allowed, inside(i)):
				t.Errorf("%s must not import %s", p.ImportPath, i)
			case !ours && slices.Contains(standardOnly(), path) && strings.Contains(i, "."):
				t.Errorf("%s must import the standard library only, not %s", p.ImportPath, i)
			}
		}
	}
}

func TestNothingImportsTests(t *testing.T) {
	for path, p := range packages(t) {
		if strings.HasPrefix(path, "tests/") {
			continue
		}
		for _, i := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if strings.HasPrefix(i, module+"/tests/") && i != module+"/tests/schema" { // that is no lab
				t.Errorf("%s imports %s: unit tests do without the lab", p.ImportPath, i)
			}
		}
	}
}

func TestPackagesHaveAPurposeInTheirName(t *testing.T) {
	for _, p := range packages(t) {
		if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "misc", "base", "shared"}, p.Name) {
			t.Errorf("%s: a package is named after its purpose, not %s", p.ImportPath, p.Name)
		}
	}
}
