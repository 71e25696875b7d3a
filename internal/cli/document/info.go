package document

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"flakeops/activate/inspect"
	"flakeops/activate/wire"
	"flakeops/internal/fleet"
	"flakeops/internal/ui"
)

// info is the answer of info with --json.
type info struct {
	Version  int        `json:"version"`
	Flake    wire.Flake `json:"flake"`
	Nodes    []infoNode `json:"nodes"`
	ExitCode int        `json:"exitCode"`
}

// infoNode is how a host stands to its node.
type infoNode struct {
	endedNode
	State        inspect.State `json:"state,omitempty"`
	System       string        `json:"system,omitempty"`  // the node's, absent when it was not evaluated
	Running      string        `json:"running,omitempty"` // system
	Profile      string        `json:"profile,omitempty"` // system
	Booted       string        `json:"booted,omitempty"`  // system
	Generation   int           `json:"generation,omitempty"`
	NixosVersion string        `json:"nixosVersion,omitempty"` // of what runs, as are the two that follow
	Revision     string        `json:"configurationRevision,omitempty"`
	Nixpkgs      string        `json:"nixpkgs,omitempty"`
	Reboot       []string      `json:"reboot,omitempty"` // what only a reboot puts to use
	UnderWay     string        `json:"underWay,omitempty"`
	Last         *deployment   `json:"last,omitempty"`
}

// WriteInfo tells how hosts stand to their nodes, by node.
func WriteInfo(u *ui.UI, r *fleet.Run, told map[string]inspect.Status, code int) error {
	doc := info{Version: Version, Flake: r.Flake, ExitCode: code, Nodes: []infoNode{}}
	var rows [][]string
	for _, n := range r.Nodes {
		d := infoNode{endedNode: endedOf(n), System: n.System.Out}
		status, known := told[n.Name]
		if known {
			d.take(status, status.State(n.System.Out, r.Flake.URL))
			rows = append(rows, d.row(r.Flake.Revision, time.Now()))
		} else {
			rows = append(rows, []string{n.Name, string(d.Outcome), "-", "-", why(n.Result())})
		}
		doc.Nodes = append(doc.Nodes, d)
	}
	if err := u.JSON(doc); err != nil {
		return err
	}
	return u.Table([]string{"NODE", "STATE", "GEN", "DEPLOYED", "RUNS"}, rows)
}

func (d *infoNode) take(s inspect.Status, state inspect.State) {
	d.State, d.Running, d.Profile, d.Booted, d.Generation = state, s.Running, s.Profile, s.Booted, s.Generation
	d.NixosVersion, d.Revision, d.Nixpkgs = s.NixOS, s.Configuration, s.Version.Nixpkgs
	d.Reboot, d.UnderWay = s.Reboot, s.UnderWay()
	if s.Last != nil {
		last := deploymentOf(d.Node, *s.Last)
		d.Last = &last
	}
}

// row is a line of the table; revision is the flake's.
func (d *infoNode) row(revision string, now time.Time) []string {
	note := []string{cmp.Or(d.NixosVersion, d.Running, "no system")}
	if d.Revision != "" && d.Revision != revision {
		note = append(note, "revision "+short(d.Revision))
	}
	if d.UnderWay != "" {
		note = append(note, d.UnderWay)
	}
	if len(d.Reboot) > 0 {
		note = append(note, "reboot needed: "+strings.Join(d.Reboot, ", "))
	}
	when, generation := "-", "-"
	if d.Last != nil {
		when = ago(now.Sub(d.Last.Begun))
		note = append(note, d.Last.spellEnd()+" by "+d.Last.Operator)
	}
	if d.Generation > 0 {
		generation = strconv.Itoa(d.Generation)
	}
	return []string{d.Node, cmp.Or(string(d.State), "-"), generation, when, strings.Join(note, "; ")}
}

// ago is how long ago something was, in the largest unit that it has two of.
func ago(d time.Duration) string {
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{365 * 24 * time.Hour, "y"}, {7 * 24 * time.Hour, "w"}, {24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}} {
		if d >= 2*unit.of {
			return fmt.Sprintf("%d %s ago", d/unit.of, unit.name)
		}
	}
	return "just now"
}

// why is the first line of what became of a node.
func why(r fleet.Result) string {
	line, _, _ := strings.Cut(strings.TrimSpace(r.Note), "\n")
	return line
}
