package inspect

import (
	"context"
	_ "embed" // the script
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"flakeops/activate"
	"flakeops/internal/run"
	"flakeops/internal/systemd"
)

//go:embed health.sh
var healthScript string

// Health is how a host stands, and whether it is well.
type Health struct {
	Status
	Uptime   time.Duration
	Load     [3]float64 // of one, five and fifteen minutes
	CPUs     int        // 0 for unknown
	ReadOnly bool       // the root
	Disks    []Disk
	NoUnits  bool   // systemd does not tell
	Units    []Unit // that have failed, or are being started
	// Clock is how far the host's is ahead of the deployer's at least, negative for
	// behind: the time that the answer took is no difference.
	Clock time.Duration
	Store *Store // nil where it was not verified
}

// Unit is a unit of systemd that is not what it should be.
type Unit struct {
	Name   string
	Failed bool          // or is about to be started again; else it is activating
	For    time.Duration // that it has been activating; 0 for unknown
}

// Store is what verifying a host's store came to.
type Store struct {
	Sound bool
	Said  []string // the last lines
}

// ReadHealth asks the host behind r, which is root's. Verifying its store takes minutes.
func ReadHealth(ctx context.Context, r run.Runner, verify bool) (Health, error) {
	var args []string
	if verify {
		args = []string{"verify"}
	}
	var h healthReading
	began := time.Now()
	facts, err := activate.Ask(ctx, r, tellScript+statusScript+healthScript, args, h.take)
	took := time.Since(began)
	if err != nil {
		return Health{}, err
	}
	if verify && h.Store == nil {
		return Health{}, fmt.Errorf("reading the host's health: it does not tell of its store")
	}
	h.Status = h.status.status(facts)
	h.NoUnits = !h.unitsKnown
	for i, u := range h.Units {
		if since := h.since[u.Name]; since > 0 && since < h.Uptime {
			h.Units[i].For = h.Uptime - since
		}
	}
	if !h.before.IsZero() && !h.after.IsZero() {
		h.Clock = ahead(h.before, h.after, began, began.Add(took))
	}
	return h.Health, nil
}

// ahead is how far a clock is ahead at least that showed two times, in whole seconds and
// in this order, between two times of this machine's.
func ahead(before, after, began, ended time.Time) time.Duration {
	least, most := after.Sub(ended), before.Add(time.Second).Sub(began)
	switch {
	case least > 0:
		return least
	case most < 0:
		return most
	}
	return 0
}

// healthReading is a host's health while it is read.
type healthReading struct {
	Health
	status        statusReading
	unitsKnown    bool
	before, after time.Time
	unit          string // whose properties are being told
	since         map[string]time.Duration
}

func (h *healthReading) take(name, value string) (err error) {
	switch name {
	case "clock-before":
		h.before, err = seconds(value)
	case "clock-after":
		h.after, err = seconds(value)
	case "uptime":
		h.Uptime, err = duration(value)
	case "load":
		err = h.takeLoad(value)
	case "cpus":
		if value != "" {
			h.CPUs, err = strconv.Atoi(value)
		}
	case "root":
		h.ReadOnly = slices.Contains(strings.Split(value, ","), "ro")
	case "disk":
		err = h.takeDisk(value)
	case "unreadable":
		h.Disks = append(h.Disks, Disk{Dir: value, Unreadable: true})
	case "units":
		h.unitsKnown = true
	case "unit":
		h.takeUnit(value)
	case "since":
		h.takeSince(value)
	case "store":
		h.takeStore(value)
	default:
		return h.status.strictly(name, value)
	}
	if err != nil {
		return fmt.Errorf("its %s is %.40q", name, value)
	}
	return nil
}

func (h *healthReading) takeLoad(value string) (err error) {
	f := strings.Fields(value)
	if len(f) < len(h.Load) {
		return strconv.ErrSyntax
	}
	for i := range h.Load {
		if h.Load[i], err = strconv.ParseFloat(f[i], 64); err != nil || !(h.Load[i] >= 0 && h.Load[i] < 1e9) {
			return strconv.ErrRange
		}
	}
	return nil
}

func (h *healthReading) takeUnit(value string) {
	if u, ok := systemd.Parse(value); ok {
		h.Units = append(h.Units, Unit{Name: u.Name, Failed: u.Active == "failed" || u.Sub == "auto-restart"})
	}
}

// takeSince reads what systemd shows of activating units, of which Id is the first.
func (h *healthReading) takeSince(value string) {
	switch name, value, _ := strings.Cut(value, "="); name {
	case "Id":
		h.unit = value
	case "InactiveExitTimestampMonotonic":
		if us, err := strconv.ParseInt(value, 10, 64); err == nil && us > 0 && us < int64(century/time.Microsecond) {
			if h.since == nil {
				h.since = map[string]time.Duration{}
			}
			h.since[h.unit] = time.Duration(us) * time.Microsecond
		}
	}
}

// takeStore reads what verifying printed; the last line is the script's.
func (h *healthReading) takeStore(value string) {
	if h.Store == nil {
		h.Store = &Store{}
	}
	switch value {
	case "sound", "damaged":
		h.Store.Sound = value == "sound"
	default:
		h.Store.Said = append(h.Store.Said, value)
	}
}

// Failed are the names of the units that have failed.
func (h Health) Failed() []string {
	var names []string
	for _, u := range h.Units {
		if u.Failed {
			names = append(names, u.Name)
		}
	}
	return names
}

// Stuck are the units that have been activating for longer than a limit.
func (h Health) Stuck(l Limits) []Unit {
	return slices.DeleteFunc(slices.Clone(h.Units), func(u Unit) bool { return u.Failed || u.For <= l.Activating })
}

// century keeps sums of what a host says within what a Duration holds.
const century = 100 * 365 * 24 * time.Hour

// seconds reads a time since 1970.
func seconds(value string) (time.Time, error) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 || n > 1<<34 { // until the year 2514
		return time.Time{}, strconv.ErrRange
	}
	return time.Unix(n, 0), nil
}

// duration reads seconds with a fraction.
func duration(value string) (time.Duration, error) {
	f, err := strconv.ParseFloat(value, 64)
	if err != nil || !(f >= 0 && f < century.Seconds()) {
		return 0, strconv.ErrRange
	}
	return time.Duration(f * float64(time.Second)), nil
}
