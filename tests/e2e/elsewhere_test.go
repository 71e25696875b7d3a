package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flakeops/tests/flakes"
)

// A fleet that deploy-rs deploys, with a container and a system without a
// switch among its nodes.
func TestAFleetOfAnotherTool(t *testing.T) {
	f := emptyFleet(t)
	t.Parallel()
	f.nodes = map[string]flakes.Node{
		"web": {}, "db": {}, "set": {Deployment: attrs{"targetHost": "set.invalid"}},
		"box": {}, "fixed": {Deployment: attrs{"targetHost": "fixed.invalid"}},
	}
	f.write()
	file := filepath.Join(f.dir, "flake.nix")
	text := contents(t, file)
	text = strings.Replace(text, "nixosConfigurations =", `
      deploy.nodes.web.hostname = "real.example.org";
      nixosConfigurations = (all: all // {
        box = all.box // { config = all.box.config // { boot.isContainer = true; }; };
        fixed = all.fixed // { config = all.fixed.config // { system = all.fixed.config.system // { switch.enable = false; }; }; };
      }) (`, 1)
	text = strings.Replace(text, "./nodes.json)\n      );", "./nodes.json)\n      ));", 1)
	must(t, os.WriteFile(file, []byte(text), 0o600))
	ref := "path:" + f.dir
	const read = `deployment.targetHost is not set, and deploy.nodes, which is not read, says that the host is "real.example.org"`
	const advice = "set deployment.targetHost, or go to the host of the node's own name by --from nixos"

	r := f.run("deploy", ref, "--on", "web").exits(8).says("web: refused: "+read, advice).keepsQuiet("connecting to web")
	if strings.Count(r.stderr, advice) != 1 {
		t.Errorf("the advice is given more than once:\n%s", r.stderr)
	}
	f.run("deploy", ref, "--on", "web", "--from", "nixos").exits(7).keepsQuiet("real.example.org")
	for _, verb := range []string{"push", "plan", "reboot", "send-keys"} {
		f.run(verb, ref, "--on", "db").exits(8).says("deploy.nodes, which is not read, has no such node")
	}
	f.run("list", ref).exits(0).says("warning: web: "+read, "warning: db: ", advice).keepsQuiet("warning: set")
	f.run("validate", ref).exits(0).says("warning: web: "+read, advice)
	f.run("build", ref).exits(0).keepsQuiet("deploy.nodes")

	f.run("deploy", ref, "--from", "nixos", "--on", "b*").exits(0).says("box: skipped: this is a container: name it, or set deployment.targetHost")
	f.run("deploy", ref, "--from", "nixos", "--on", "box").exits(7)
	for _, goal := range []string{"--test", "--boot", "--dry-activate"} {
		f.run("deploy", ref, "--on", "fixed", goal).exits(2).says("fixed: evaluation failed: system.switch.enable is false").keepsQuiet("building", "connecting")
	}
	f.run("deploy", "path:"+f.dir+"#fixed").exits(2).says("system.switch.enable is false")

	must(t, os.WriteFile(file, []byte(`{ outputs = _: { colmena = { meta = { }; web = { }; }; homeConfigurations.me = { }; }; }`), 0o600))
	f.run("deploy", ref).exits(2).says("has no nixosConfigurations, which is all that flakeops deploys; it has colmena (web), homeConfigurations (me): define a host")
}

func TestValidateListsWhatRunsHere(t *testing.T) {
	f := emptyFleet(t)
	t.Parallel()
	f.nodes["web"] = flakes.Node{
		Deployment: attrs{"sshOptions": []string{"ConnectTimeout=2", "proxycommand nc %h 22", "-o", "KnownHostsCommand=hosts x", "ProxyCommand=none"}},
		Keys:       map[string]map[string]any{"token": {"keyCommand": []string{"pass", "show", "a b"}}, "file": {"keyFile": "/x"}},
	}
	f.nodes["db"] = flakes.Node{}
	f.write()
	want := "db: valid\nweb: valid\n" +
		"web: runs on this machine: deployment.keys.token.keyCommand: pass show 'a b'\n" +
		"web: runs on this machine: deployment.sshOptions: proxycommand nc %h 22\n" +
		"web: runs on this machine: deployment.sshOptions: KnownHostsCommand=hosts x\n"
	if r := f.run("validate", "path:"+f.dir).exits(0); r.stdout != want {
		t.Errorf("%s\nwant %s", r.stdout, want)
	}
	var answer struct {
		Nodes []struct {
			Runs []struct {
				Option  string
				Command []string
			}
		}
	}
	r := f.run("validate", "path:"+f.dir, "--json").exits(0)
	if err := json.Unmarshal([]byte(r.stdout), &answer); err != nil || len(answer.Nodes) != 2 || answer.Nodes[0].Runs == nil {
		t.Fatalf("%v in %s", err, r.stdout)
	}
	if runs := answer.Nodes[1].Runs; len(runs) != 3 || runs[0].Option != "deployment.keys.token.keyCommand" || len(runs[0].Command) != 3 || runs[1].Command[0] != "proxycommand nc %h 22" {
		t.Errorf("%+v", runs)
	}
}
