package flakes

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Node is an entry of the fleet's nodes.json. The zero value is a healthy node
// of version 1 that does not import the deployment module.
type Node struct {
	Version  string   `json:"version,omitempty"`  // of its service; default "1"
	Config   string   `json:"config,omitempty"`   // of a service that reloads; none when empty
	Faults   []string `json:"faults,omitempty"`   // see fleet/README.md
	Message  string   `json:"message,omitempty"`  // what a fault says
	System   string   `json:"system,omitempty"`   // platform; default "x86_64-linux"
	GateFile string   `json:"gateFile,omitempty"` // what faults build-slow and eval-slow wait for
	Payload  int      `json:"payload,omitempty"`  // bytes of further store paths, in all
	Paths    int      `json:"paths,omitempty"`    // number of further store paths
	Seed     string   `json:"seed,omitempty"`     // of the payload; default Version
	Needs    []string `json:"needs,omitempty"`    // attributes of Keys that a service requires
	Users    []string `json:"users,omitempty"`    // created by activation, each with a group of its name
	Groups   []string `json:"groups,omitempty"`   // created by activation
	Kernel   string   `json:"kernel,omitempty"`   // version of a file that stands for one; none when empty
	Switch   string   `json:"switch,omitempty"`   // NixOS release whose switch-to-configuration it has; default today's
	// BootLimit is how many of the newest generations get a boot loader entry;
	// 0 for all.
	BootLimit int `json:"bootLimit,omitempty"`
	// Inhibitors are those of switching, of which only a boot may bring others.
	Inhibitors []string `json:"inhibitors,omitempty"`

	// Keys holds the node's deployment.keys by attribute. When not empty the
	// node imports the module.
	Keys map[string]map[string]any `json:"keys,omitempty"`

	// Deployment holds the node's deployment settings by option name. When
	// nil the node does not import the module; when empty it has its defaults.
	Deployment map[string]any `json:"-"`
}

// MarshalJSON writes deployment unless it is nil.
func (n Node) MarshalJSON() ([]byte, error) {
	type plain Node
	if n.Deployment == nil {
		return json.Marshal(plain(n))
	}
	return json.Marshal(struct {
		plain
		Deployment map[string]any `json:"deployment"`
	}{plain(n), n.Deployment})
}

// Fleet writes a fleet of these nodes into a new temporary directory, which it
// returns. The directory is not a Git work tree.
func Fleet(t testing.TB, nodes map[string]Node) string {
	t.Helper()
	dir := t.TempDir()
	if err := Write(dir, nodes); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Rewrite replaces the nodes of a fleet that Fleet or Write has written.
func Rewrite(t testing.TB, dir string, nodes map[string]Node) {
	t.Helper()
	if err := writeNodes(dir, nodes); err != nil {
		t.Fatal(err)
	}
}

// Write writes a fleet of these nodes into dir, which is made when missing. It
// must be called from within the project's source tree.
func Write(dir string, nodes map[string]Node) error {
	root, err := sourceTree()
	if err != nil {
		return err
	}
	if err := copyTree(filepath.Join(root, "tests", "flakes", "fleet"), dir); err != nil {
		return fmt.Errorf("writing a fleet to %s: %w", dir, err)
	}
	return writeNodes(dir, nodes)
}

// SystemAttr is the attribute of a fleet's flake that is a node's system, quoted
// as nix wants it. A name with a double quote can't be written so.
func SystemAttr(name string) string {
	return `nixosConfigurations."` + name + `".config.system.build.toplevel`
}

func writeNodes(dir string, nodes map[string]Node) error {
	if nodes == nil {
		nodes = map[string]Node{}
	}
	text, err := json.MarshalIndent(nodes, "", "  ")
	if err != nil {
		return fmt.Errorf("writing nodes.json: %w", err)
	}
	return os.WriteFile(filepath.Join(dir, "nodes.json"), append(text, '\n'), 0o644)
}

// sourceTree finds the project's root from the working directory, which is
// inside it both under go test and under go run.
func sourceTree() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module flakeops\n") {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%s is not in flakeops' source tree: run this from there", start)
		}
	}
}

// copyTree copies files with their modes, and what links point to in place of
// the links: a flake must not point out of itself.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), text, info.Mode().Perm())
	})
}
