package document

import (
	"flakeops/internal/cli/exit"
	"flakeops/internal/fault"
	"flakeops/internal/fleet"
)

// endedNode is how a node ended, as every document tells it.
type endedNode struct {
	Node     string        `json:"node"`
	Host     string        `json:"host,omitempty"`
	Outcome  fleet.Outcome `json:"outcome"`
	Error    string        `json:"error,omitempty"`
	ExitCode int           `json:"exitCode"`
}

func endedOf(n *fleet.Node) endedNode {
	r := n.Result()
	d := endedNode{Node: n.Name, Host: n.Address(), Outcome: r.Outcome, ExitCode: exit.OfResult(r)}
	if r.Err != nil {
		d.Error = fault.Text(r.Err)
	}
	return d
}
