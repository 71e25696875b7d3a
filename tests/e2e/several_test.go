package e2e

import (
	"encoding/json"
	"testing"

	"flakeops/tests/flakes"
)

// One node's trouble, and what it means for the others.

func TestOneFailedBuildTouchesNoHost(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm", "db": "trixie", "edge": "sid"})
	f.set("db", func(n *flakes.Node) { n.Faults, n.Message = []string{"build-fails"}, "the compiler gave up" })
	before := map[string]snapshot{}
	for name, m := range f.hosts {
		before[name] = m.snapshot()
	}
	f.deploy().exits(3).says("db", "build failed", "the compiler gave up", "not started")
	for name, m := range f.hosts {
		m.is(before[name])
	}

	f.deploy("--keep-going").exits(3).says("the compiler gave up", "deployed")
	f.hosts["db"].is(before["db"])
	f.hosts["web"].runs(f.system("web"))
	f.hosts["edge"].runs(f.system("edge"))
}

func TestOneThrowingEvaluationIsNamedAndTheOthersAreKept(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm", "db": "bookworm"})
	good := f.system("web")
	f.nodes["db"] = flakes.Node{Deployment: brief(nil), Faults: []string{"eval-throws"}, Message: "db wants a disk"}
	f.write()
	before := map[string]snapshot{"web": f.hosts["web"].snapshot(), "db": f.hosts["db"].snapshot()}

	f.deploy().exits(2).says("db", "db wants a disk")
	for name, m := range f.hosts {
		m.is(before[name])
	}
	f.deploy("--keep-going").exits(2).says("db wants a disk", "deployed")
	f.hosts["db"].is(before["db"])
	f.hosts["web"].runs(good)
}

func TestOneUnreachableHost(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm", "db": "bookworm"})
	web, db := f.hosts["web"], f.hosts["db"]
	f.setting("db", "sshOptions", []string{"ConnectTimeout=2"})
	must(t, db.Cut(t.Context()))
	before := web.snapshot()

	f.deploy().exits(7).says("db", "unreachable", "not started")
	web.is(before)
	f.deploy("--keep-going").exits(7).says("unreachable", "deployed")
	web.runs(f.system("web"))
	f.version("web", "2")
	f.deploy("--skip-unreachable").exits(0).says("unreachable", "deployed")
	web.runs(f.system("web"))
	must(t, db.Heal(t.Context()))
	f.deploy().exits(0)
	db.runs(f.system("db"))
}

func TestRollbackSucceededTakesBackTheOthers(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm", "db": "bookworm"})
	f.deploy().exits(0)
	web, db := f.hosts["web"], f.hosts["db"]
	old := map[string]string{"web": f.system("web"), "db": f.system("db")}
	f.version("web", "2")
	f.version("db", "2", "activation-fails")
	f.deploy("--rollback-succeeded").exits(5).says("taken back", "rolled back")
	web.runs(old["web"])
	db.runs(old["db"])
}

func TestSelectionDeploysOnlyWhatWasSelected(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm", "db": "bookworm"})
	f.setting("db", "tags", []string{"storage"})
	before := f.hosts["web"].snapshot()
	f.deploy("--on", "@storage").exits(0)
	f.hosts["db"].runs(f.system("db"))
	f.hosts["web"].is(before)

	f.version("db", "2")
	before = f.hosts["db"].snapshot()
	f.run("deploy", "path:"+f.dir+"#web").exits(0)
	f.hosts["web"].runs(f.system("web"))
	f.hosts["db"].is(before)
}

func TestJSONAnswersNameEveryNode(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	f.nodes["broken"] = flakes.Node{Deployment: brief(nil), Faults: []string{"eval-throws"}, Message: "no"}
	f.write()
	r := f.deploy("--keep-going", "--json").exits(2)
	var answer struct {
		Version int `json:"version"`
		Nodes   []struct {
			Node    string `json:"node"`
			Outcome string `json:"outcome"`
			System  string `json:"system"`
		} `json:"nodes"`
	}
	if err := json.Unmarshal([]byte(r.stdout), &answer); err != nil {
		t.Fatalf("%v in %s", err, r.stdout)
	}
	outcomes := map[string]string{}
	for _, n := range answer.Nodes {
		outcomes[n.Node] = n.Outcome
	}
	if answer.Version != 1 || outcomes["web"] != "deployed" || outcomes["broken"] != "evaluation failed" {
		t.Errorf("%+v", answer)
	}
}
