package document

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"flakeops/activate/inspect"
	"flakeops/activate/wire"
	"flakeops/flake"
	"flakeops/internal/fleet"
	"flakeops/internal/ui"
)

// Lock is the answer of lock.
type Lock struct {
	Version  int           `json:"version"`
	Flake    wire.Flake    `json:"flake"`
	Inputs   []lockedInput `json:"inputs"`
	Nodes    []pinnedNode  `json:"nodes"`
	ExitCode int           `json:"exitCode"`

	now time.Time
}

// lockedInput is an input as flake.lock has it.
type lockedInput struct {
	Name     string     `json:"name"`
	Direct   bool       `json:"direct"` // it is the flake's own
	Type     string     `json:"type"`
	URL      string     `json:"url"`
	Revision string     `json:"revision,omitempty"`
	Date     *time.Time `json:"date,omitempty"` // when it was changed last
	NarHash  string     `json:"narHash,omitempty"`
	Stale    bool       `json:"stale"`
}

// pinnedNode is what a host's running system was made with.
type pinnedNode struct {
	endedNode
	Running      string          `json:"running,omitempty"` // system
	NixosVersion string          `json:"nixosVersion,omitempty"`
	Nixpkgs      string          `json:"nixpkgs,omitempty"` // revision
	Input        string          `json:"input,omitempty"`   // name of the one that is locked to this revision
	Channels     []pinnedChannel `json:"channels,omitempty"`
}

// pinnedChannel is a channel that a host still has.
type pinnedChannel struct {
	Owner    string `json:"owner"`
	Name     string `json:"name"`
	URL      string `json:"url,omitempty"`
	Revision string `json:"revision,omitempty"`
}

// OfLock tells of locked inputs, some of which are stale.
func OfLock(from wire.Flake, inputs, stale []flake.LockedInput, code int) Lock {
	d := Lock{Version: Version, Flake: from, ExitCode: code, Inputs: []lockedInput{}, Nodes: []pinnedNode{}, now: time.Now()}
	for _, in := range inputs {
		l := lockedInput{Name: in.Name, Direct: in.Direct, Type: in.Type, URL: in.URL, Revision: in.Revision, NarHash: in.NarHash}
		if !in.Date.IsZero() {
			date := in.Date.UTC()
			l.Date = &date
		}
		l.Stale = slices.Contains(stale, in)
		d.Inputs = append(d.Inputs, l)
	}
	return d
}

// AddHosts tells what hosts are pinned to, by node.
func (d *Lock) AddHosts(nodes []*fleet.Node, pins map[string]inspect.Pins) {
	for _, n := range nodes {
		p := pinnedNode{endedNode: endedOf(n)}
		if host, known := pins[n.Name]; known {
			p.Running, p.NixosVersion, p.Nixpkgs, p.Input = host.Running, host.NixOS, host.Nixpkgs, d.lockedAs(host.Version)
			for _, c := range host.Channels {
				p.Channels = append(p.Channels, pinnedChannel{c.Owner, c.Name, c.URL, c.Revision})
			}
		}
		d.Nodes = append(d.Nodes, p)
	}
}

// lockedAs names the input whose locked revision a system was made with, the flake's
// own before those of others.
func (d *Lock) lockedAs(v inspect.Version) string {
	i := slices.IndexFunc(d.Inputs, func(in lockedInput) bool { return v.Of(in.Revision) })
	if i < 0 {
		return ""
	}
	return d.Inputs[i].Name
}

// Write answers with a table of inputs, and one of hosts where these were asked.
func (d *Lock) Write(u *ui.UI) error {
	if err := u.JSON(d); err != nil {
		return err
	}
	if err := u.Table(inputsHeader(), d.inputRows()); err != nil || len(d.Nodes) == 0 {
		return err
	}
	if err := u.Print(""); err != nil {
		return err
	}
	var rows [][]string
	for _, p := range d.Nodes {
		rows = append(rows, []string{p.Node, cmp.Or(p.NixosVersion, "-"), cmp.Or(p.Input, "-"), p.note()})
	}
	return u.Table([]string{"NODE", "RUNS", "LOCKED AS", "NOTE"}, rows)
}

// Summary is the answer on the page of a CI job.
func (d *Lock) Summary(verb string) ui.Summary {
	return ui.Summary{Verb: verb, Code: d.ExitCode, Header: inputsHeader(), Rows: d.inputRows()}
}

func inputsHeader() []string { return []string{"INPUT", "TYPE", "REVISION", "DATE", "AGE"} }

func (d *Lock) inputRows() [][]string {
	var rows [][]string
	for _, in := range d.Inputs {
		date, old := "-", "-"
		if in.Date != nil {
			days := int(d.now.Sub(*in.Date).Hours() / 24)
			date, old = in.Date.Format(time.DateOnly), fmt.Sprintf("%dd", days)
		}
		if in.Stale {
			old += ", stale"
		}
		rows = append(rows, []string{in.Name, in.Type, cmp.Or(short(in.Revision), "-"), date, old})
	}
	return rows
}

// note is what there is to say of a host.
func (p pinnedNode) note() string {
	var parts []string
	switch {
	case p.Running == "":
		return string(p.Outcome)
	case p.Nixpkgs == "":
		parts = append(parts, "its system does not tell its nixpkgs")
	case p.Input == "":
		parts = append(parts, "nixpkgs "+short(p.Nixpkgs)+" is not what flake.lock has")
	}
	for _, c := range p.Channels {
		parts = append(parts, fmt.Sprintf("channel %s of %s", c.Name, c.Owner))
	}
	return strings.Join(parts, "; ")
}

// short is a revision in as many characters as tell it from others.
func short(revision string) string { return revision[:min(len(revision), 12)] }
