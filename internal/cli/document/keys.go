package document

import (
	"flakeops/internal/fleet"
	"flakeops/internal/ui"
	"flakeops/keys/message"
)

// keysDocument is the answer of keys list with --json.
type keysDocument struct {
	Version  int           `json:"version"`
	Nodes    []nodeKeysDoc `json:"nodes"`
	ExitCode int           `json:"exitCode"`
}

type nodeKeysDoc struct {
	endedNode
	Keys []keyDoc `json:"keys"`
}

type keyDoc struct {
	Key   string        `json:"key"`  // attribute of deployment.keys
	Path  string        `json:"path"` // on the host
	User  string        `json:"user"`
	Group string        `json:"group"`
	State message.State `json:"state,omitempty"` // empty when the host could not be asked
}

// WriteKeys tells of the keys on hosts.
func WriteKeys(u *ui.UI, r *fleet.Run, code int) error {
	doc := keysDocument{Version: Version, ExitCode: code, Nodes: []nodeKeysDoc{}}
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
	d := nodeKeysDoc{endedNode: endedOf(n), Keys: []keyDoc{}}
	for _, k := range n.Settings.Keys {
		d.Keys = append(d.Keys, keyDoc{Key: k.Attr, Path: k.Path(), User: k.User, Group: k.Group, State: n.KeyStates[k.Name]})
	}
	return d
}
