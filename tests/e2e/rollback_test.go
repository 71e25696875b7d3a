package e2e

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"flakeops/tests/flakes"
	"flakeops/tests/schema"
)

// answers wants an answer that is as a published schema says.
func (r *result) answers(as string) *result {
	r.t.Helper()
	s, err := schema.Read("../../docs/reference/schema/" + as + ".json")
	if err == nil {
		err = s.Check([]byte(r.stdout))
	}
	if err != nil {
		r.t.Errorf("%v in %s", err, r.stdout)
	}
	return r
}

// generation is the number of the profile's on the host.
func (m *machine) generation() string {
	m.t.Helper()
	return strings.TrimSuffix(strings.TrimPrefix(m.sh("readlink /nix/var/nix/profiles/system"), "system-"), "-link")
}

func TestRollback(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	back := func(args ...string) *result {
		t.Helper()
		return f.run(append([]string{"rollback", "path:" + f.dir, "--json"}, args...)...).answers("taken")
	}
	one := f.system("web")
	f.deploy().exits(0)
	first := web.generation()
	two := f.version("web", "2")
	f.deploy().exits(0)
	// The next generation cuts its operator off, but was never activated.
	f.version("web", "3", "drop-packets")
	f.deploy("--boot").exits(0)
	broken := web.generation()
	f.version("web", "2")
	f.deploy().exits(0)

	// Today's configuration does not even evaluate.
	n := f.nodes["web"]
	n.Faults, n.Message = []string{"eval-throws"}, "web wants a disk"
	f.nodes["web"] = n
	f.write()
	f.run("push", "path:"+f.dir).exits(2)

	before := web.snapshot()
	if out := back("--dry-activate").exits(0).node("web"); len(out.Output) == 0 || out.Outcome != "dry-activated" {
		t.Errorf("%+v", out)
	}
	back("--to", "01AAAAAAAAAAAAAAAAAAAAAAAA").exits(8).says("is on no host's record")
	f.run("rollback", "99", "path:"+f.dir).exits(8).says("there is no generation 99")
	web.is(before)

	if a := back().exits(0).node("web"); a.Outcome != "deployed" || a.Old != two || a.Deployment == "" {
		t.Errorf("%+v", a)
	}
	web.runs(one)
	if r := web.records(); !reflect.DeepEqual(r[len(r)-1].Flake, r[1].Flake) {
		t.Errorf("%+v", r[len(r)-1].Flake)
	}
	back().exits(0) // to the one before that
	web.runs(two)
	f.run("rollback", first, "path:"+f.dir).exits(0).says("went back")
	web.runs(one)
	f.run("rollback", first, "path:"+f.dir).exits(0).says("up to date")

	// A generation that breaks the link is taken back itself, to what ran and not
	// to a number.
	before = web.snapshot()
	f.run("rollback", broken, "path:"+f.dir).exits(5).says("web", "rolled back", "not confirmed within confirmTimeout")
	web.is(before)
	web.sh("nix-env -p /nix/var/nix/profiles/system --delete-generations " + broken)
	f.run("rollback", broken, "path:"+f.dir).exits(8).says("there is no generation " + broken)

	// The profile is somebody else's, too, and records tell of what was collected.
	web.sh("ln -s /nix/store/00000000000000000000000000000000-gone /nix/var/nix/profiles/system-77-link")
	f.run("rollback", "77", "path:"+f.dir).exits(8).says("generation 77 leads to", "not there any more")
}

func TestRollbackOfAFleetByADeployment(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm", "db": "trixie", "edge": "sid"})
	web, db, edge := f.hosts["web"], f.hosts["db"], f.hosts["edge"]
	f.deploy().exits(0)
	first := map[string]string{}
	for i, name := range []string{"web", "db", "edge"} {
		first[name] = f.system(name)
		n := f.nodes[name]
		n.Version = fmt.Sprint("2-", i)
		f.nodes[name] = n
	}
	f.write()

	// One host misses the second.
	must(t, db.PowerOff(t.Context()))
	r := f.deploy("--skip-unreachable", "--json").exits(0).answers("taken")
	id := r.node("edge").Deployment
	for _, m := range []*machine{web, edge} {
		m.runs(f.system(m.Name))
	}
	before := web.snapshot()

	// A host that is not there keeps the others from it, unless they keep going.
	f.run("rollback", "path:"+f.dir, "--to", id).exits(7).says("db", "unreachable")
	web.is(before)
	f.run("rollback", "path:"+f.dir, "--to", id, "--on", "edge,db", "--keep-going").exits(7).says("edge", "went back")
	edge.runs(first["edge"])
	must(t, db.PowerOn(t.Context()))
	must(t, db.WaitSSH(t.Context()))
	asleep := db.snapshot()
	f.run("rollback", "path:"+f.dir, "--to", id).exits(0).says("went back", "nothing was deployed to it since", "up to date")
	for name, m := range f.hosts {
		m.runs(first[name])
	}
	db.is(asleep)

	// What is gone from one host is refused for all.
	f.set("web", func(n *flakes.Node) { n.Version = "3" })
	f.set("edge", func(n *flakes.Node) { n.Version = "3" })
	id = f.deploy("--on", "web,edge", "--json").exits(0).node("web").Deployment
	web.sh("nix-env -p /nix/var/nix/profiles/system --delete-generations old && nix-store --delete " + first["web"])
	before = edge.snapshot()
	f.run("rollback", "path:"+f.dir, "--to", id).exits(8).says("web", "the host no longer has "+first["web"])
	edge.is(before)
}
