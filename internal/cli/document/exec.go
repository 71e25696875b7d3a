package document

import (
	"strconv"
	"strings"

	"flakeops/activate/wire"
	"flakeops/internal/cli/exit"
	"flakeops/internal/fleet"
	"flakeops/internal/ui"
)

// executed is the answer of exec --json.
type executed struct {
	Version  int            `json:"version"`
	Flake    wire.Flake     `json:"flake"`
	Nodes    []executedNode `json:"nodes"`
	ExitCode int            `json:"exitCode"`
}

// executedNode is how a command ended on a host. What it wrote is text that may be
// shown, and its bytes where they are others.
type executedNode struct {
	endedNode
	Status      *int   `json:"status,omitempty"` // exit status of the command
	Signal      string `json:"signal,omitempty"` // that ended it
	Stdout      string `json:"stdout"`
	StdoutBytes []byte `json:"stdoutBytes,omitempty"`
	Stderr      string `json:"stderr"`
	StderrBytes []byte `json:"stderrBytes,omitempty"`
}

// WriteExecuted tells how a command ended on hosts, and what it wrote where that is kept.
func WriteExecuted(u *ui.UI, r *fleet.Run, code int) error {
	doc := executed{Version: Version, Flake: r.Flake, ExitCode: code, Nodes: []executedNode{}}
	for _, n := range r.Nodes {
		doc.Nodes = append(doc.Nodes, executedOn(n))
	}
	if err := u.JSON(doc); err != nil {
		return err
	}
	for _, n := range r.Nodes {
		if n.Ran == nil || len(n.Ran.Stdout)+len(n.Ran.Stderr) == 0 {
			continue
		}
		u.Message(n.Name + ":")
		if err := u.Pass(true, n.Ran.Stderr); err != nil {
			return err
		}
		if err := u.Pass(false, n.Ran.Stdout); err != nil {
			return err
		}
	}
	var rows [][]string
	for _, n := range r.Nodes {
		rows = append(rows, row(n, n.Result().Note))
		rows[len(rows)-1][2] = statusOf(n)
	}
	if len(rows) > 1 || code != exit.Done {
		u.Aside([]string{"NODE", "HOST", "EXIT", "NOTE"}, rows)
	}
	return nil
}

// statusOf is the exit status of a node's command, or the signal that ended it.
func statusOf(n *fleet.Node) string {
	switch {
	case n.Ran == nil || n.Ran.Code < 0 && n.Ran.Signal == "":
		return "-"
	case n.Ran.Signal != "":
		return n.Ran.Signal
	}
	return strconv.Itoa(n.Ran.Code)
}

func executedOn(n *fleet.Node) executedNode {
	doc := executedNode{endedNode: endedOf(n)}
	if n.Ran == nil {
		return doc
	}
	if doc.Signal = n.Ran.Signal; n.Ran.Code >= 0 {
		doc.Status = &n.Ran.Code
	}
	doc.Stdout, doc.StdoutBytes = showable(n.Ran.Stdout)
	doc.Stderr, doc.StderrBytes = showable(n.Ran.Stderr)
	return doc
}

// showable is a text that may be shown, and the bytes it is of where these differ.
func showable(bytes []byte) (text string, others []byte) {
	lines := strings.Split(string(bytes), "\n")
	for i, line := range lines {
		lines[i] = ui.Clean(line)
	}
	if text = strings.Join(lines, "\n"); text != string(bytes) {
		others = bytes
	}
	return text, others
}
