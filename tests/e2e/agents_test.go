package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"flakeops/activate/wire"
)

// The small agent is what hosts get. A program that is built alone deploys too,
// with itself as the agent, to hosts that have had the other.
func TestEitherProgramIsAnAgent(t *testing.T) {
	f := newFleet(t, map[string]string{"web": "bookworm"})
	web := f.hosts["web"]
	f.deploy().exits(0)
	web.runs(f.system("web"))
	if !web.holds("[ $(stat -c %s /nix/store/*-flakeops-*-linux) -lt 5000000 ]") || web.holds("ls -d /nix/store/*-flakeops") {
		t.Error("the host did not get the small agent")
	}

	program, err := os.ReadFile(binary)
	must(t, err)
	alone := filepath.Join(t.TempDir(), "flakeops")
	must(t, os.WriteFile(alone, program, 0o755))
	system := f.version("web", "2")
	f.startProgram(alone, nil, "deploy", "path:"+f.dir).wait().exits(0).says("deployed")
	web.runs(system)
	if !web.holds("ls -d /nix/store/*-flakeops") {
		t.Error("the program was not its own agent")
	}

	before := web.snapshot()
	f.version("web", "3", "unit-fails")
	f.startProgram(alone, nil, "deploy", "path:"+f.dir).wait().exits(5)
	web.settled()
	web.is(before)
	if got := web.lastOutcome(); got != wire.RolledBack {
		t.Errorf("outcome on record: %q", got)
	}
}
