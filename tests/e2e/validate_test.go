package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flakeops/tests/flakes"
)

func TestValidateNamesNodeAndOption(t *testing.T) {
	f := emptyFleet(t)
	t.Parallel()
	secret := filepath.Join(f.dir, "secret")
	must(t, os.WriteFile(secret, []byte("x"), 0o600))
	token := func(key attrs) flakes.Node { return flakes.Node{Keys: map[string]map[string]any{"token": key}} }
	settings := func(d attrs) flakes.Node { return flakes.Node{Deployment: d} }
	for name, c := range map[string]struct {
		web  flakes.Node
		code int
		says string
	}{
		"a misspelt option":  {settings(attrs{"targetHots": "x"}), 2, "web: evaluation failed: The option `deployment.targetHots' does not exist"},
		"a misspelt setting": {token(attrs{"text": "x", "permission": "0400"}), 2, "web: evaluation failed: The option `deployment.keys.token.permission' does not exist"},
		"a bad port":         {settings(attrs{"targetPort": 70000}), 1, "web: deployment.targetPort is 70000, it must be from 1 to 65535\n"},
		"a bad host name":    {settings(attrs{"targetHost": "-oProxyCommand=x"}), 1, "web: deployment.targetHost is \"-oProxyCommand=x\", which begins with a dash"},
		"two sources":        {token(attrs{"keyFile": "/x", "keyCommand": []string{"y"}}), 1, "web: deployment.keys.token has more than one source, keyCommand and keyFile: set exactly one\n"},
		"no source":          {token(attrs{"user": "nobody"}), 1, "web: deployment.keys.token has no source: set one of text, keyFile and keyCommand\n"},
		"a relative key":     {token(attrs{"keyFile": "secret"}), 1, "web: deployment.keys.token.keyFile is \"secret\": it is part of the flake's source"},
		"an absolute key":    {token(attrs{"keyFile": secret}), 1, "web: deployment.keys.token.keyFile is \"" + secret + "\": it is part of the flake's source"},
		"a shared address":   {settings(attrs{"targetHost": "192.0.2.1"}), 1, "web: deployment.targetHost is \"192.0.2.1\", as deployment.alternateHosts of node db: give each node a host of its own"},
		"nothing":            {token(attrs{"keyFile": "/nowhere/at/all"}), 0, "db: valid\nweb: valid\n"},
	} {
		t.Run(name, func(t *testing.T) {
			f.nodes["web"] = c.web
			f.nodes["db"] = settings(attrs{"alternateHosts": []string{"192.0.2.1"}})
			f.write()
			r := f.run("validate", "path:"+f.dir).exits(c.code)
			if !strings.Contains(r.stdout, c.says) {
				t.Errorf("stdout %q, want %q", r.stdout, c.says)
			}
			if db := "db: valid\n"; !strings.Contains(r.stdout, db) { // whatever is wrong with the other
				t.Errorf("stdout %q, want %q", r.stdout, db)
			}
		})
	}
	f.nodes["web"] = flakes.Node{}
	f.write()
	f.run("validate", "path:"+f.dir, "--on", "@berlin").exits(1).says("no node has the tag berlin")
}

// Who may write the flake acts as the operator: validate tells how and does none
// of it, where a mere plan does, as docs/security.md says.
func TestPlanRunsWhatValidateLists(t *testing.T) {
	f := emptyFleet(t)
	t.Parallel()
	touched := filepath.Join(f.home, "touched")
	proxy := "ProxyCommand=touch " + touched + "; false"
	f.nodes["web"] = flakes.Node{
		Deployment: attrs{"sshOptions": []string{proxy}},
		Keys:       map[string]map[string]any{"token": {"keyCommand": []string{"touch", touched}}},
	}
	f.write()
	f.run("validate", "path:"+f.dir).exits(0).says("deployment.sshOptions: "+proxy, "deployment.keys.token.keyCommand: touch "+touched)
	if _, err := os.Stat(touched); err == nil {
		t.Error("validate ran it")
	}
	f.run("plan", "path:"+f.dir).exits(7)
	if _, err := os.Stat(touched); err != nil {
		t.Errorf("plan did not run the ProxyCommand: %v", err)
	}
}

func TestValidateEvaluatesNoSystem(t *testing.T) {
	f := emptyFleet(t)
	t.Parallel()
	f.nodes["web"] = flakes.Node{Faults: []string{"eval-throws"}}
	f.write()
	f.run("validate", "path:"+f.dir).exits(0).says("web: valid")
	f.run("build", "path:"+f.dir).exits(2)
}

func TestValidateForCI(t *testing.T) {
	f := emptyFleet(t)
	t.Parallel()
	f.nodes["web"] = flakes.Node{Deployment: attrs{"targetPort": 0, "targetHost": "[x|y]"}}
	f.nodes["db"] = flakes.Node{}
	f.nodes["typo"] = flakes.Node{Deployment: attrs{"targetHots": ""}}
	f.write()
	page := filepath.Join(t.TempDir(), "summary.md")
	must(t, os.WriteFile(page, []byte("before\n"), 0o600))
	r := f.startEnv([]string{"GITHUB_STEP_SUMMARY=" + page}, "validate", "path:"+f.dir, "--json").wait().exits(2)
	var answer struct {
		Version  int `json:"version"`
		ExitCode int `json:"exitCode"`
		Nodes    []struct {
			Node     string   `json:"node"`
			Valid    bool     `json:"valid"`
			Problems []string `json:"problems"`
			Error    string   `json:"error"`
		} `json:"nodes"`
	}
	if err := json.Unmarshal([]byte(r.stdout), &answer); err != nil {
		t.Fatalf("%v in %s", err, r.stdout)
	}
	if answer.Version != 1 || answer.ExitCode != 2 || len(answer.Nodes) != 3 {
		t.Fatalf("%s", r.stdout)
	}
	db, typo, web := answer.Nodes[0], answer.Nodes[1], answer.Nodes[2]
	if db.Node != "db" || !db.Valid || db.Problems == nil || len(db.Problems) > 0 || db.Error != "" {
		t.Errorf("db: %+v", db)
	}
	if typo.Node != "typo" || typo.Valid || !strings.Contains(typo.Error, "targetHots") {
		t.Errorf("typo: %+v", typo)
	}
	if web.Node != "web" || web.Valid || len(web.Problems) != 2 || web.Error != "" {
		t.Errorf("web: %+v", web)
	}
	for _, line := range []string{"before\n### flakeops validate: exit status 2\n", "\n| db | none |\n",
		"\n| web | deployment.targetPort is 0, it must be from 1 to 65535 |\n", "&#91;x&#124;y&#93;", "<pre>node typo cannot be evaluated: "} {
		if text := contents(t, page); !strings.Contains(text, line) {
			t.Errorf("the summary lacks %q:\n%s", line, text)
		}
	}
}

func TestPartitionsBuildEachNodeOnce(t *testing.T) {
	f := emptyFleet(t)
	t.Parallel()
	want := map[string]bool{}
	for _, name := range []string{"a", "b", "c"} {
		f.nodes[name] = flakes.Node{Version: name}
	}
	f.write()
	for name := range f.nodes {
		want[f.system(name)] = true
	}
	page := filepath.Join(t.TempDir(), "summary.md")
	for _, part := range []string{"1/4", "2/4", "3/4", "4/4"} {
		r := f.startEnv([]string{"GITHUB_STEP_SUMMARY=" + page}, "build", "path:"+f.dir, "--partition", part, "--json").wait().exits(0)
		var answer struct {
			Nodes []struct {
				System string `json:"system"`
			} `json:"nodes"`
		}
		if err := json.Unmarshal([]byte(r.stdout), &answer); err != nil || answer.Nodes == nil {
			t.Fatalf("%v in %s", err, r.stdout)
		}
		if len(answer.Nodes) > 1 {
			t.Errorf("part %s has %d nodes", part, len(answer.Nodes))
		}
		for _, n := range answer.Nodes {
			if !want[n.System] {
				t.Errorf("part %s builds %s, which no node is, or another part builds too", part, n.System)
			}
			delete(want, n.System)
		}
	}
	if len(want) > 0 {
		t.Errorf("no part builds %v", want)
	}
	if n := strings.Count(contents(t, page), "| built |"); n != 3 {
		t.Errorf("the summaries name %d nodes that are built:\n%s", n, contents(t, page))
	}
	f.run("build", "path:"+f.dir, "--partition", "5/4").exits(1).says("--partition", "K/N")
}

// The nix of other releases is inside the lab's hosts, so the deployer is one.
func TestValidateWithNewerReleasesOfNix(t *testing.T) {
	f := newFleet(t, map[string]string{"older": "trixie", "newest": "sid"})
	f.nodes = map[string]flakes.Node{
		"web": {Deployment: attrs{"targetHost": "192.0.2.1"}},
		"db":  {Deployment: attrs{"targetHost": "192.0.2.1"}, Keys: map[string]map[string]any{"token": {"keyFile": "nodes.json"}}},
		"bad": {Deployment: attrs{"targetHots": "x"}},
	}
	f.write()
	for name, m := range f.hosts {
		must(t, m.CopyIn(t.Context(), binary, "/root/flakeops"))
		must(t, m.CopyIn(t.Context(), f.dir, "/root/fleet"))
		out := m.sh("cd /root/fleet && export HOME=/root && { ! /root/flakeops validate 2>/dev/null; }")
		for _, want := range []string{
			"bad: evaluation failed: The option `deployment.targetHots' does not exist",
			`db: deployment.keys.token.keyFile is "nodes.json": it is part of the flake's source`,
			`web: deployment.targetHost is "192.0.2.1", as deployment.targetHost of node db`,
		} {
			if !strings.Contains(out, want) {
				t.Errorf("%s: %s\nwant %q", name, out, want)
			}
		}
	}
}

func contents(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	must(t, err)
	return string(text)
}

func TestValidateAwkwardNames(t *testing.T) {
	f := emptyFleet(t)
	t.Parallel()
	f.dir = flakes.Names(t)
	r := f.run("validate", "path:"+f.dir).exits(1).says(
		"\nweb.example.org: valid\n",
		"\n$(touch touched): deployment.targetHost is not set, so it is the node's name, which holds white space",
		"option-host: deployment.targetHost is \"-oProxyCommand=touch touched\", which begins with a dash",
	)
	isOrderly(r)
	wasNotTouched(t, f.home, f.dir, ".", "/", "/tmp", "/root")
}
