package inspect

import (
	"fmt"
	"strings"
	"time"
)

// Limits is what a host may come to and still be called well.
type Limits struct {
	Usage      float64       // of a disk, from 0 to 1
	FreeInodes float64       // of all that a disk has, from 0 to 1
	Clock      time.Duration // that a host's may be off
	Activating time.Duration // that a unit may take to start
}

// DefaultLimits are those that hold unless the operator says otherwise.
func DefaultLimits() Limits {
	return Limits{Usage: 0.9, FreeInodes: 0.05, Clock: 5 * time.Second, Activating: 10 * time.Minute}
}

// Reach is how far a check came to a host.
type Reach int

// How far it came.
const (
	Missing     Reach = iota // the node has no host
	Down                     // nothing answers at its address
	Unreachable              // something does, but nobody gets in
	Reached
)

// Mask is the exit status of a check as NixOps has it, of which those of several hosts
// are joined by OR: 1 missing, 2 down, 4 unreachable, 8 disks, 16 failed units. The
// health is that of a host which was reached.
func Mask(r Reach, h Health, l Limits) int {
	switch r {
	case Missing:
		return 1
	case Down:
		return 2
	case Unreachable:
		return 4
	}
	mask := 0
	if len(h.DiskProblems(l)) > 0 {
		mask |= 8
	}
	if len(h.Failed()) > 0 {
		mask |= 16
	}
	return mask
}

// DiskProblems say what is wrong with the disks; none if nothing is.
func (h Health) DiskProblems(l Limits) []string {
	var all []string
	for _, d := range h.Disks {
		if p := d.Problem(l); p != "" {
			all = append(all, p)
		}
	}
	return all
}

// Notes are what else is to be said of a host, the gravest first.
func (h Health) Notes(l Limits) []string {
	var notes []string
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	if h.ReadOnly {
		note("root is read-only")
	}
	if h.Store != nil && !h.Store.Sound {
		note("store is damaged: %s", strings.Join(h.Store.Said, "; "))
	}
	if h.NoUnits {
		note("systemd does not tell of its units")
	}
	switch under := h.UnderWay(); {
	case under != "":
		note("%s", under)
	case h.Left != "" && h.Left == h.Running:
		note("runs a system that failed or nobody confirmed")
	}
	switch off := h.Clock.Round(time.Second); {
	case h.Clock > l.Clock:
		note("clock is %v ahead", off)
	case -h.Clock > l.Clock:
		note("clock is %v behind", -off)
	}
	if len(h.Reboot) > 0 {
		note("needs a reboot: %s", strings.Join(h.Reboot, ", "))
	}
	return notes
}
