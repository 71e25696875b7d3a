package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"flakeops/tests/flakes"
)

// What a fleet's own flake makes of this project: nix run .#deploy.

// nix runs nix in dir, as the operator.
func (f *fleet) nix(dir string, args ...string) *result {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 2*patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "nix", args...)
	cmd.Dir, cmd.Env = dir, f.env()
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		f.t.Fatalf("nix %s: %v", strings.Join(args, " "), err)
	}
	return &result{t: f.t, code: cmd.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
}

func TestNixRunDeploysTheFlakeItself(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm", "db": "trixie", "edge": "sid"})
	flakes.Using(t, f.dir)

	// A plain directory, from inside and with flags.
	web, db, edge := f.hosts["web"], f.hosts["db"], f.hosts["edge"]
	before := edge.snapshot()
	f.nix(f.dir, "run", ".#deploy", "--", "--on", "web,db").exits(0).says("deployed")
	web.runs(f.system("web"))
	db.runs(f.system("db"))
	edge.is(before)

	// A work tree with changes, and a file beside it that Git does not have.
	must(t, os.WriteFile(filepath.Join(f.dir, ".gitignore"), []byte("/secrets\n"), 0o600))
	must(t, os.Mkdir(filepath.Join(f.dir, "secrets"), 0o700))
	value := []byte(secret())
	must(t, os.WriteFile(filepath.Join(f.dir, "secrets", "key"), value, 0o600))
	flakes.Commit(t, f.dir)
	f.keys("web", map[string]map[string]any{"token": {"keyFile": "secrets/key"}})
	f.nix(f.dir, "run", ".#deploy").exits(0).says("uncommitted changes", "deployed")
	web.runs(f.system("web"))
	edge.runs(f.system("edge"))
	web.holdsKey("/run/keys/token", value, "root:root", "400")

	// Locked, from a directory without a flake and from one with another.
	f.keys("web", nil)
	deployed := f.version("web", "2")
	revision := flakes.Commit(t, f.dir)
	f.version("web", "3") // not in the commit
	locked := "git+file://" + f.dir + "?rev=" + revision
	f.nix(t.TempDir(), "run", locked+"#deploy", "--", "#web").exits(0).says("deployed").keepsQuiet("uncommitted")
	web.runs(deployed)
	if r := web.records(); r[len(r)-1].Flake.Revision != revision {
		t.Errorf("the host's record is of %+v, want revision %s", r[len(r)-1].Flake, revision)
	}
	other := flakes.Fleet(t, map[string]flakes.Node{"web": {Version: "other", Deployment: brief(nil)}})
	f.nix(other, "run", locked, "--", "#web").exits(0).says("up to date")
	web.runs(deployed)
}

// The nix of other releases is inside the lab's hosts, so the deployer is one.
func TestNixRunWithNewerReleasesOfNix(t *testing.T) {
	for suite, release := range map[string]string{"trixie": "2.26", "sid": "2.34"} {
		t.Run(suite, func(t *testing.T) {
			f := newFleet(t, map[string]string{"web": "bookworm", "operator": suite})
			web, operator := f.hosts["web"], f.hosts["operator"]
			delete(f.nodes, "operator")
			f.write()
			flakes.Using(t, f.dir)
			if v := operator.sh("nix --version"); !strings.Contains(v, " "+release) {
				t.Fatalf("the operator's is %s, not nix %s", v, release)
			}

			// What would come from the network and a compiler is built here.
			f.nix(f.dir, "build", "--out-link", filepath.Join(f.home, "app"), "--impure", "--expr",
				`(builtins.getFlake "path:`+f.dir+`").inputs.flakeops.packages.x86_64-linux.default`).exits(0)
			sources := f.nix(f.dir, "flake", "archive", "--json", "path:"+f.dir).exits(0).stdout
			paths := []string{filepath.Join(f.home, "app")}
			for _, word := range strings.Split(sources, `"`) {
				if strings.HasPrefix(word, "/nix/store/") {
					paths = append(paths, word)
				}
			}
			f.transplant(operator, paths)
			must(t, operator.CopyIn(t.Context(), f.dir, f.dir))
			must(t, operator.CopyIn(t.Context(), filepath.Dir(f.lab.SSHConfig()), filepath.Dir(f.lab.SSHConfig())))

			system := f.system("web")
			run := func(dir, ref string) string {
				return operator.sh("cd " + dir + " && export HOME=/root NIX_SSHOPTS='-F " + f.lab.SSHConfig() + "' && nix run '" + ref + "' 2>&1")
			}
			run(f.dir, ".#deploy")
			web.runs(system)
			if out := run("/", "path:"+f.dir); !strings.Contains(out, "up to date") {
				t.Errorf("the second time: %s", out)
			}
			operator.sh("cd " + f.dir + " && nix flake check 2>&1")

			// A flake below the top of its source.
			operator.sh("mkdir /root/all && cp -R " + f.dir + " /root/all/fleet")
			if out := run("/", "path:/root/all?dir=fleet"); !strings.Contains(out, "up to date") {
				t.Errorf("in a directory of its source: %s", out)
			}

			// And the project's own flake.
			var archived struct {
				Inputs map[string]struct{ Path string }
			}
			must(t, json.Unmarshal([]byte(sources), &archived))
			operator.sh("nix flake check --no-build 2>&1 path:" + archived.Inputs["flakeops"].Path +
				" --no-write-lock-file --override-input nixpkgs path:" + archived.Inputs["nixpkgs"].Path)
		})
	}
}

// transplant copies store paths, and what they need, into a host's store, past
// the network.
func (f *fleet) transplant(to *machine, paths []string) {
	f.t.Helper()
	file := filepath.Join(f.home, "store")
	script := `nix-store --export $(nix-store -qR "$@") >"$0"`
	cmd := exec.CommandContext(f.t.Context(), "sh", append([]string{"-euc", script, file}, paths...)...)
	cmd.Env = f.env()
	if out, err := cmd.CombinedOutput(); err != nil {
		f.t.Fatalf("nix-store --export: %v: %s", err, out)
	}
	must(f.t, to.CopyIn(f.t.Context(), file, "/root/store"))
	to.sh("nix-store --import </root/store && rm /root/store")
}
