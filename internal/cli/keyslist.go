package cli

import (
	"context"

	"flakeops/flake"
	"flakeops/internal/fleet"
	"flakeops/internal/ui"
	"flakeops/keys/message"
)

// keysCmd holds the verbs about keys.
type keysCmd struct {
	List keysListCmd `cmd:"" help:"Compare the nodes' keys with what is on their hosts."`
}

type keysListCmd struct {
	selection `embed:""`
	pace      `embed:""`
	reach     `embed:""`
	nixFlags  `embed:""`
	events    `embed:""`
}

// Help is the verb's detailed help.
func (keysListCmd) Help() string {
	return `Reads the keys of the selected nodes and tells for each whether it is on the host as declared: present, missing, or different in content, owner or mode. Values never show, and none are sent: the hosts compare digests.`
}

// Run lists keys.
func (c keysListCmd) Run(ctx context.Context, s *session) error {
	return s.take(ctx, c)
}

func (c keysListCmd) flags() fleetFlags {
	return fleetFlags{c.selection, c.pace, c.reach, c.nixFlags, c.events, partition{}}
}

func (keysListCmd) options() fleet.Options {
	return fleet.Options{Want: flake.SettingsOnly, Keys: true}
}

func (keysListCmd) steps(ctx context.Context, r *fleet.Run, _ confirmer) {
	r.Each(ctx, fleet.AllAtOnce, reachWithKeys)
	r.Each(ctx, r.Parallel, func(ctx context.Context, n *fleet.Node) (fleet.Result, error) {
		checked := fleet.Result{Outcome: fleet.Checked}
		if len(n.Settings.Keys) == 0 {
			checked.Note = "it has no keys"
		}
		return checked, n.CheckKeys(ctx)
	})
}

// keysDocument is the answer of keys list with --json.
type keysDocument struct {
	Version  int           `json:"version"`
	Nodes    []nodeKeysDoc `json:"nodes"`
	ExitCode int           `json:"exitCode"`
}

type nodeKeysDoc struct {
	Node    string        `json:"node"`
	Outcome fleet.Outcome `json:"outcome"`
	Error   string        `json:"error,omitempty"`
	Keys    []keyDoc      `json:"keys"`
}

type keyDoc struct {
	Key   string        `json:"key"`  // attribute of deployment.keys
	Path  string        `json:"path"` // on the host
	User  string        `json:"user"`
	Group string        `json:"group"`
	State message.State `json:"state,omitempty"` // empty when the host could not be asked
}

func (keysListCmd) report(r *fleet.Run, u *ui.UI, code int) error {
	doc := keysDocument{Version: documentVersion, ExitCode: code, Nodes: []nodeKeysDoc{}}
	var rows [][]string
	for _, n := range r.Nodes {
		d := keysOf(n)
		doc.Nodes = append(doc.Nodes, d)
		for _, k := range d.Keys {
			state := string(k.State)
			if state == "" {
				state = "unknown"
			}
			rows = append(rows, []string{n.Name, k.Key, k.Path, k.User + ":" + k.Group, state})
		}
	}
	if err := u.JSON(doc); err != nil {
		return err
	}
	return u.Table([]string{"NODE", "KEY", "PATH", "OWNER", "STATE"}, rows)
}

func keysOf(n *fleet.Node) nodeKeysDoc {
	r := n.Result()
	d := nodeKeysDoc{Node: n.Name, Outcome: r.Outcome, Keys: []keyDoc{}}
	if r.Err != nil {
		d.Error = r.Err.Error()
	}
	for _, k := range n.Settings.Keys {
		d.Keys = append(d.Keys, keyDoc{Key: k.Attr, Path: k.Path(), User: k.User, Group: k.Group, State: n.KeyStates[k.Name]})
	}
	return d
}
