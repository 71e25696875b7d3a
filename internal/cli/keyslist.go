package cli

import (
	"context"

	"flakeops/flake"
	"flakeops/internal/ui"
	"flakeops/keys"
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
	answer    `embed:""`
}

// Help is the verb's detailed help.
func (keysListCmd) Help() string {
	return `Reads the keys of the selected nodes and tells for each whether it is on the host as declared: present, missing, or different in content, owner or mode. Values never show, and none are sent: the hosts compare digests.`
}

// Run lists keys.
func (c keysListCmd) Run(ctx context.Context, s *session) error {
	return s.pipeline(ctx, pipelineFlags(c), plan{through: throughReach, want: flake.SettingsOnly, keys: true, visit: checkKeys, tell: keysReport})
}

// checkKeys asks a host how its keys compare with the node's.
func checkKeys(ctx context.Context, p *pipeline, n *node) error {
	if len(n.values) == 0 {
		p.end(n, result{outcome: outcomeChecked, note: "it has no keys"})
		return nil
	}
	reply, err := p.tellKeys(ctx, n, keys.Compose(message.Check, n.values))
	if err != nil {
		return err
	}
	n.keyStates = reply.States
	p.end(n, result{outcome: outcomeChecked})
	return nil
}

// keysDocument is the answer of keys list with --json.
type keysDocument struct {
	Version  int           `json:"version"`
	Nodes    []nodeKeysDoc `json:"nodes"`
	ExitCode int           `json:"exitCode"`
}

type nodeKeysDoc struct {
	Node    string   `json:"node"`
	Outcome string   `json:"outcome"`
	Error   string   `json:"error,omitempty"`
	Keys    []keyDoc `json:"keys"`
}

type keyDoc struct {
	Key   string        `json:"key"`  // attribute of deployment.keys
	Path  string        `json:"path"` // on the host
	User  string        `json:"user"`
	Group string        `json:"group"`
	State message.State `json:"state,omitempty"` // empty when the host could not be asked
}

func keysReport(p *pipeline, u *ui.UI, code int) error {
	doc := keysDocument{Version: documentVersion, ExitCode: code, Nodes: []nodeKeysDoc{}}
	var rows [][]string
	for _, n := range p.nodes {
		d := n.keysDocument()
		doc.Nodes = append(doc.Nodes, d)
		for _, k := range d.Keys {
			state := string(k.State)
			if state == "" {
				state = "unknown"
			}
			rows = append(rows, []string{n.name, k.Key, k.Path, k.User + ":" + k.Group, state})
		}
	}
	if err := u.JSON(doc); err != nil {
		return err
	}
	return u.Table([]string{"NODE", "KEY", "PATH", "OWNER", "STATE"}, rows)
}

func (n *node) keysDocument() nodeKeysDoc {
	r := n.ended()
	d := nodeKeysDoc{Node: n.name, Outcome: r.outcome, Keys: []keyDoc{}}
	if r.err != nil {
		d.Error = r.err.Error()
	}
	for _, k := range n.settings.Keys {
		d.Keys = append(d.Keys, keyDoc{Key: k.Attr, Path: k.Path(), User: k.User, Group: k.Group, State: n.keyStates[k.Name]})
	}
	return d
}
