package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"flakeops/tests/flakes"
)

func TestPushCopiesAndActivatesNothing(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	before, system := web.snapshot(), f.system("web")
	f.run("push", "path:"+f.dir).exits(0).says("pushed")
	web.is(before)
	web.sh("nix-store --check-validity " + system)
	f.run("push", "path:"+f.dir).exits(0).says("up to date")
}

func TestBuildPrintsStorePaths(t *testing.T) {
	f := emptyFleet(t)
	t.Parallel()
	f.nodes["web"], f.nodes["db"] = flakes.Node{}, flakes.Node{Version: "2"}
	f.write()
	r := f.run("build", "path:"+f.dir).exits(0)
	want := []string{f.system("db"), f.system("web")}
	if got := strings.Fields(r.stdout); len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("stdout %q, want %q", r.stdout, want)
	}
	flakes.Nix(t, f.dir, "path-info", want[0], want[1]) // they are valid paths
}

func TestListAnswersWithoutAHost(t *testing.T) {
	f := emptyFleet(t)
	t.Parallel()
	f.nodes["web"] = flakes.Node{Deployment: map[string]any{"tags": []string{"front"}, "targetPort": 2222}}
	f.nodes["laptop"] = flakes.Node{Deployment: map[string]any{"targetHost": nil}}
	f.write()
	r := f.run("list", "path:"+f.dir, "--json").exits(0)
	var answer struct {
		Version int `json:"version"`
		Nodes   []struct {
			Node       string `json:"node"`
			System     string `json:"system"`
			Deployment struct {
				TargetHost *string  `json:"targetHost"`
				TargetPort *int     `json:"targetPort"`
				Tags       []string `json:"tags"`
			} `json:"deployment"`
		} `json:"nodes"`
	}
	if err := json.Unmarshal([]byte(r.stdout), &answer); err != nil {
		t.Fatalf("%v in %s", err, r.stdout)
	}
	if answer.Version != 1 || len(answer.Nodes) != 2 {
		t.Fatalf("%s", r.stdout)
	}
	laptop, web := answer.Nodes[0], answer.Nodes[1]
	if laptop.Node != "laptop" || laptop.Deployment.TargetHost != nil {
		t.Errorf("laptop: %+v", laptop)
	}
	if d := web.Deployment; web.Node != "web" || web.System != f.system("web") || d.TargetHost == nil || *d.TargetHost != "web" || d.TargetPort == nil || *d.TargetPort != 2222 || len(d.Tags) != 1 {
		t.Errorf("web: %+v", web)
	}
	f.deploy("--on", "laptop").exits(1).says("laptop", "targetHost is null")
}

func TestBuildOnTarget(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "trixie", "db": "sid"})
	for name := range f.hosts {
		f.setting(name, "buildOnTarget", true)
		f.version(name, "built-there-"+name)
	}
	f.deploy().exits(0).says("building on the host", "deployed")
	for name, m := range f.hosts {
		system := f.system(name)
		m.runs(system)
		if out, err := flakes.TryNix(t, f.dir, "path-info", system); err == nil {
			t.Errorf("%s was built on the deployer: %s", name, out)
		}
	}
}

func TestVersionSaysWhichProgramThisIs(t *testing.T) {
	f := emptyFleet(t)
	t.Parallel()
	for _, args := range [][]string{{"version"}, {"--version"}} {
		if r := f.run(args...).exits(0); !strings.HasPrefix(r.stdout, "flakeops ") || r.stderr != "" {
			t.Errorf("%v: %q %q", args, r.stdout, r.stderr)
		}
	}
}
