package flakes

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Lock is the state of a flake's lock file.
type Lock int

const (
	Locked   Lock = iota // as flake.nix asks
	Unlocked             // flake.lock is missing
	Stale                // flake.nix asks for another input than flake.lock holds
)

// WithInput writes a flake whose one input, `fleet`, is a fleet of these nodes,
// and whose nixosConfigurations are that input's. It returns the directories
// of both. A change of the fleet changes nothing until the flake is locked anew
// or its input is overridden.
func WithInput(t testing.TB, nodes map[string]Node, lock Lock) (flake, fleet string) {
	t.Helper()
	flake, fleet = t.TempDir(), Fleet(t, nodes)
	writeFlake(t, flake, fleet)
	if lock == Unlocked {
		return flake, fleet
	}
	Nix(t, flake, "flake", "lock")
	if lock == Stale {
		writeFlake(t, flake, Fleet(t, nodes))
	}
	return flake, fleet
}

func writeFlake(t testing.TB, flake, fleet string) {
	t.Helper()
	root, err := sourceTree()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "tests", "flakes", "locked", "flake.nix"))
	if err != nil {
		t.Fatal(err)
	}
	filled := strings.ReplaceAll(string(text), "@fleet@", fleet)
	if err := os.WriteFile(filepath.Join(flake, "flake.nix"), []byte(filled), 0o644); err != nil {
		t.Fatal(err)
	}
}
