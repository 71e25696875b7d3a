package flakes

import (
	"debug/elf"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// withStub are the options by which nix uses the stand-in for nixpkgs.
func withStub(t *testing.T) []string {
	return []string{"--override-input", "nixpkgs", "path:" + Nixpkgs(t), "--no-write-lock-file"}
}

func TestVendorHashIsThatOfTheModules(t *testing.T) {
	project := Project(t)
	text, err := os.ReadFile(filepath.Join(project, "flake", "package.nix"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`vendorHash = "(.*)";`).FindSubmatch(text)
	if found == nil {
		t.Fatal("flake/package.nix has no vendorHash")
	}
	vendor := filepath.Join(t.TempDir(), "vendor")
	if _, err := command(t, project, nil, "go", "mod", "vendor", "-o", vendor); err != nil {
		t.Fatalf("go mod vendor: %v", err)
	}
	if hash := Nix(t, project, "hash", "path", vendor); hash != string(found[1]) {
		t.Errorf("vendorHash in flake/package.nix is %s, the modules' is %s", found[1], hash)
	}
}

func TestLockedNixpkgsHasTheGoThatGoModAsksFor(t *testing.T) {
	// The release of Go is that of the nixpkgs that flake.lock names.
	const locked, release = "61b7c44c4073f0b827768aff0049561b5110ea5a", "1.26"
	project := Project(t)
	rev := Nix(t, project, "eval", "--raw", "--impure", "--expr",
		`(builtins.fromJSON (builtins.readFile `+project+`/flake.lock)).nodes.nixpkgs.locked.rev`)
	if rev != locked {
		t.Errorf("flake.lock names %s: see which Go it has, and say so here", rev)
	}
	text, err := os.ReadFile(filepath.Join(project, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^go ` + regexp.QuoteMeta(release) + `(\.0)?$`).Match(text) {
		t.Errorf("go.mod asks for another Go than %s", release)
	}
}

func TestTheProjectsOwnFlake(t *testing.T) {
	project := Project(t)
	stub := withStub(t)
	flake := "path:" + project

	shown := Nix(t, project, append([]string{"flake", "show", flake}, stub...)...)
	for _, output := range []string{"apps", "checks", "devShells", "formatter", "nixosModules", "overlays", "packages", "templates", "demo: app", "deploy: app"} {
		if !strings.Contains(regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(shown, ""), output) {
			t.Errorf("nix flake show does not show %s:\n%s", output, shown)
		}
	}
	Nix(t, project, append([]string{"flake", "check", flake}, stub...)...)

	version := Nix(t, project, append(append([]string{"run", flake + "#deploy"}, stub...), "--", "--version")...)
	if !regexp.MustCompile(`^flakeops 0\.[0-9]{8} \(go1\.`).MatchString(version) {
		t.Errorf("nix run .#deploy -- --version: %s", version)
	}

	overlaid := Nix(t, project, append([]string{"eval", "--raw", "--impure", flake + "#overlays.default", "--apply",
		`overlay: (overlay (builtins.getFlake "` + stub[2] + `").legacyPackages.x86_64-linux { }).flakeops.drvPath`}, stub...)...)
	if packaged := Nix(t, project, append([]string{"eval", "--raw", flake + "#packages.x86_64-linux.default.drvPath"}, stub...)...); overlaid != packaged {
		t.Errorf("the overlay has %s, the package is %s", overlaid, packaged)
	}

	out := filepath.Join(t.TempDir(), "result")
	Nix(t, project, append([]string{"build", flake, "--out-link", out}, stub...)...)
	for name, machine := range map[string]elf.Machine{
		"bin/flakeops":                            elf.EM_X86_64,
		"libexec/flakeops/flakeops-x86_64-linux":  elf.EM_X86_64,
		"libexec/flakeops/flakeops-aarch64-linux": elf.EM_AARCH64,
	} {
		file := filepath.Join(out, name)
		is, err := machineOf(file)
		if err != nil || is != machine {
			t.Errorf("%s is for %s, %v; want %s, linked statically", name, is, err, machine)
		}
	}
	for _, system := range []string{"x86_64-linux", "aarch64-linux"} {
		if is, err := os.Stat(filepath.Join(out, "libexec/flakeops/flakeops-"+system)); err != nil || is.Size() >= 5_000_000 {
			t.Errorf("the agent for %s is not the small one: %v, %v", system, is, err)
		}
	}
	for name, want := range map[string]string{
		"share/man/man1/flakeops.1":                       ".SH EXIT STATUS\n",
		"share/bash-completion/completions/flakeops.bash": "'flakeops complete' flakeops\n",
		"share/zsh/site-functions/_flakeops":              "#compdef flakeops\n",
		"share/fish/vendor_completions.d/flakeops.fish":   "complete -c flakeops ",
	} {
		text, err := os.ReadFile(filepath.Join(out, name))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %q: %v", name, want, err)
		}
	}
}

// machineOf says for which processor a program is, and fails for one that needs
// a loader.
func machineOf(file string) (elf.Machine, error) {
	binary, err := elf.Open(file)
	if err != nil {
		return 0, err
	}
	defer binary.Close()
	for _, p := range binary.Progs {
		if p.Type == elf.PT_INTERP {
			return 0, errors.New("linked dynamically")
		}
	}
	return binary.Machine, nil
}
