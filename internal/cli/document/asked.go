package document

import (
	"flakeops/internal/cli/exit"
	"flakeops/internal/fleet"
)

// askedNode is how a host that was asked something ended.
type askedNode struct {
	Node     string        `json:"node"`
	Host     string        `json:"host,omitempty"`
	Outcome  fleet.Outcome `json:"outcome"`
	Error    string        `json:"error,omitempty"`
	ExitCode int           `json:"exitCode"`
}

func askedOf(n *fleet.Node) askedNode {
	r := n.Result()
	d := askedNode{Node: n.Name, Host: n.Address(), Outcome: r.Outcome, ExitCode: exit.OfResult(r)}
	if r.Err != nil {
		d.Error = r.Err.Error()
	}
	return d
}
