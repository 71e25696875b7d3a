package e2e

import (
	"encoding/json"
	"testing"

	"flakeops/tests/flakes"
)

// What comes after an activation that broke every connection from before it, and
// what becomes of a node when another one fails.

// answerOf is a node's part of a --json answer.
type answerOf struct {
	Node, Outcome, Error, Note, Old, Deployment, TakeBack string
	ExitCode                                              int
	Output                                                []string
}

func (r *result) node(name string) answerOf {
	r.t.Helper()
	var answer struct{ Nodes []answerOf }
	if err := json.Unmarshal([]byte(r.stdout), &answer); err != nil {
		r.t.Fatalf("%v in %s", err, r.stdout)
	}
	for _, n := range answer.Nodes {
		if n.Node == name {
			return n
		}
	}
	r.t.Fatalf("no node %s in %s", name, r.stdout)
	return answerOf{}
}

func TestAfterAnActivationThatKillsConnections(t *testing.T) {
	f := newFleet(t, map[string]string{"app": "bookworm", "web": "bookworm"})
	app, web := f.hosts["app"], f.hosts["web"]
	late := func(value string) attrs { return attrs{"text": value, "uploadAt": "post-activation"} }
	old := secret()
	f.keys("app", map[string]map[string]any{"token": late(old)})
	f.deploy().exits(0)
	before := map[string]string{"app": f.system("app"), "web": f.system("web")}

	// Keys go over the connection that confirmed.
	value := secret()
	f.keys("app", map[string]map[string]any{"token": late(value)})
	system := f.version("app", "2", "kill-connections")
	f.deploy().exits(0).says("deployed", "1 key changed")
	app.runs(system)
	app.holdsKey("/run/keys/token", []byte(value), "root:root", "400")

	// So does a take-back.
	f.version("app", "3", "kill-connections")
	f.version("web", "3", "activation-fails")
	f.deploy("--parallel", "1", "--rollback-succeeded").exits(5).says("taken back", "rolled back")
	app.runs(system)
	web.runs(before["web"])

	// A node that is deployed is taken back though its keys failed.
	f.keys("app", map[string]map[string]any{"token": {"text": value, "uploadAt": "post-activation", "destDir": "/var/lib/somewhere"}})
	f.version("app", "4")
	r := f.deploy("--parallel", "1", "--rollback-succeeded", "--keep-going", "--json").exits(5)
	if a := r.node("app"); a.Outcome != "taken back" || a.Old != system || a.Deployment == "" || a.TakeBack == "" || a.ExitCode != 4 {
		t.Errorf("%+v", a)
	}
	app.runs(system)
	web.runs(before["web"])

	// One that cannot be taken back runs the new system, and is said to.
	f.keys("app", map[string]map[string]any{"token": late(value)})
	f.set("web", func(n *flakes.Node) { n.Faults = []string{"gate", "unit-fails"}; n.Version = "5" })
	third := f.version("app", "5")
	p := f.start("deploy", "path:"+f.dir, "--parallel", "1", "--rollback-succeeded", "--json")
	web.reachesGate()
	script := system + "/bin/switch-to-configuration"
	app.sh("chmod -x " + script)
	web.openGate()
	r = p.wait().exits(6)
	if a := r.node("app"); a.Outcome != "take-back failed" || a.Old != system || a.Deployment == "" || a.TakeBack == a.Deployment || a.ExitCode != 6 {
		t.Errorf("%+v", a)
	}
	app.sh("chmod +x " + script)
	app.runs(third)
	web.runs(before["web"])
}
