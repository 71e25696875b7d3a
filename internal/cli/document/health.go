package document

import (
	"fmt"
	"strconv"
	"strings"

	"flakeops/activate/inspect"
	"flakeops/internal/fleet"
	"flakeops/internal/ui"
)

// checked is the answer of check with --json.
type checked struct {
	Version  int           `json:"version"`
	Nodes    []checkedNode `json:"nodes"`
	ExitCode int           `json:"exitCode"`
}

// checkedNode is how a host is.
type checkedNode struct {
	endedNode
	Exists    *bool         `json:"exists,omitempty"` // absent where it was not tried, as are the two that follow
	Up        *bool         `json:"up,omitempty"`
	Reachable *bool         `json:"reachable,omitempty"`
	Disks     []checkedDisk `json:"disks,omitempty"`
	Load      []float64     `json:"load,omitempty"` // of one, five and fifteen minutes
	CPUs      int           `json:"cpus,omitempty"`
	Uptime    float64       `json:"uptimeSeconds,omitempty"`
	Clock     float64       `json:"clockAheadSeconds,omitempty"` // negative for behind
	Failed    []string      `json:"failedUnits,omitempty"`
	Stuck     []string      `json:"stuckUnits,omitempty"` // starting for too long
	Notes     []string      `json:"notes,omitempty"`
}

// checkedDisk is a disk of a host, in bytes.
type checkedDisk struct {
	Dir        string `json:"dir"`
	Size       uint64 `json:"size"`
	Used       uint64 `json:"used"`
	Free       uint64 `json:"free"`
	Inodes     uint64 `json:"inodes"`
	FreeInodes uint64 `json:"freeInodes"`
	Problem    string `json:"problem,omitempty"`
}

// WriteHealth tells how hosts are, by node, measured by limits.
func WriteHealth(u *ui.UI, r *fleet.Run, told map[string]inspect.Health, l inspect.Limits, code int) error {
	doc := checked{Version: Version, ExitCode: code, Nodes: []checkedNode{}}
	var rows [][]string
	for _, n := range r.Nodes {
		d := checkedNode{endedNode: endedOf(n)}
		health, known := told[n.Name]
		if reach, tried := fleet.ReachOf(n.Result().Err); tried {
			d.reach(reach)
		}
		if known {
			d.reach(inspect.Reached)
			d.take(health, l)
		} else if text := why(n.Result()); text != "" {
			d.Notes = []string{text}
		}
		doc.Nodes = append(doc.Nodes, d)
		rows = append(rows, d.row(known))
	}
	if err := u.JSON(doc); err != nil {
		return err
	}
	return u.Table([]string{"NODE", "EXISTS", "UP", "REACHABLE", "DISKS", "LOAD", "UNITS", "NOTES"}, rows)
}

func (d *checkedNode) reach(r inspect.Reach) {
	exists, up, in := r > inspect.Missing, r > inspect.Down, r > inspect.Unreachable
	d.Exists = &exists
	if exists {
		d.Up = &up
	}
	if up {
		d.Reachable = &in
	}
}

func (d *checkedNode) take(h inspect.Health, l inspect.Limits) {
	for _, disk := range h.Disks {
		d.Disks = append(d.Disks, checkedDisk{disk.Dir, disk.Size, disk.Used, disk.Free, disk.Inodes, disk.FreeInodes, disk.Problem(l)})
	}
	d.Load, d.CPUs, d.Uptime, d.Clock = h.Load[:], h.CPUs, h.Uptime.Seconds(), h.Clock.Seconds()
	d.Failed = h.Failed()
	for _, unit := range h.Stuck(l) {
		d.Stuck = append(d.Stuck, unit.Name)
	}
	d.Notes = h.Notes(l)
}

// row is a line of the table; known says whether the host told how it is.
func (d *checkedNode) row(known bool) []string {
	disks, load, units, notes := "-", "-", "-", []string{}
	if known {
		disks, units = "ok", "ok"
		load = fmt.Sprintf("%.2f", d.Load[0])
	}
	for _, disk := range d.Disks {
		if disk.Problem != "" {
			disks = "no"
			notes = append(notes, disk.Problem)
		}
	}
	if bad := len(d.Failed) + len(d.Stuck); bad > 0 {
		units = strconv.Itoa(bad) + " bad"
	}
	if len(d.Failed) > 0 {
		notes = append(notes, "failed: "+strings.Join(d.Failed, " "))
	}
	if len(d.Stuck) > 0 {
		notes = append(notes, "still starting: "+strings.Join(d.Stuck, " "))
	}
	notes = append(notes, d.Notes...)
	return []string{d.Node, yes(d.Exists), yes(d.Up), yes(d.Reachable), disks, load, units, strings.Join(notes, "; ")}
}

// yes is a fact, where it is known.
func yes(b *bool) string {
	switch {
	case b == nil:
		return "-"
	case *b:
		return "yes"
	}
	return "no"
}
