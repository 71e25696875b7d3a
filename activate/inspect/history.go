package inspect

import (
	"context"
	_ "embed" // the script
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"flakeops/activate"
	"flakeops/activate/wire"
	"flakeops/internal/run"
)

//go:embed history.sh
var historyScript string

// History is what was deployed to a host.
type History struct {
	Running     string       // system that runs now
	UnderWay    string       // deployment that the host is not done with; "" for none
	Deployments []Deployment // oldest first

	missing map[string]bool // systems that the host has no longer; nil where it does not tell
}

// ReadHistory asks the host behind r, which is root's: others cannot read its records.
func ReadHistory(ctx context.Context, r run.Runner) (History, error) {
	var all journal
	var h History
	facts, err := activate.Ask(ctx, r, tellScript+historyScript, nil, func(name, value string) error {
		switch name {
		case "record":
			all.take(value)
		case "checked":
			h.missing = map[string]bool{}
		case "missing":
			if h.missing == nil {
				return unknown(name)
			}
			h.missing[value] = true
		default:
			return unknown(name)
		}
		return nil
	})
	if err != nil {
		return History{}, err
	}
	h.Running, h.UnderWay, h.Deployments = facts.Running, facts.UnderWay(), all.all
	return h, nil
}

// Begun is when the deployer began with the run that the deployment is of, by its clock:
// that is in the ID. The host's clock tells of other IDs.
func (d Deployment) Begun() time.Time {
	if id, err := ulid.ParseStrict(d.ID); err == nil {
		return id.Timestamp()
	}
	return d.Started
}

// sinceRun says whether the deployment is of the run of another, or of a later one.
func (d Deployment) sinceRun(of Deployment) bool {
	return d.ID == of.ID || !d.Begun().Before(of.Begun())
}

// Previous is the system that the host ran before the one that runs now, by its records;
// before one that somebody put there by hand, it is that of the last deployment. What the
// host has no longer is an error.
func (h History) Previous() (string, error) {
	system, told := h.Former()
	if !told {
		return "", errors.New("no deployment is on record that tells what the host ran before: name a generation")
	}
	return h.kept(system)
}

// Former is Previous, whether the host still has it or not; told says whether a
// deployment is on record that tells.
func (h History) Former() (system string, told bool) {
	came := newest(h.Deployments, func(d Deployment) bool { return d.New == h.Running && d.Old != h.Running && d.Outcome.OK() })
	if came != nil {
		return came.Old, true
	}
	last := newest(h.Deployments, func(d Deployment) bool { return d.left() != "" && d.left() != h.Running })
	if last != nil {
		return last.left(), true
	}
	return "", false
}

// left is the system that a deployment left running; "" where its end does not tell.
func (d Deployment) left() string {
	switch d.Outcome {
	case wire.Deployed, wire.Tested:
		return d.New
	case wire.RolledBack, wire.BootSet:
		return d.Old
	}
	return ""
}

// kept is the system, if the host still has it.
func (h History) kept(system string) (string, error) {
	switch {
	case system == "":
		return "", errors.New("what the host ran before is not on record: name a generation")
	case h.missing == nil:
		return "", fmt.Errorf("the host does not tell whether it still has %s: check Nix on the host", system)
	case h.missing[system]:
		return "", fmt.Errorf("the host no longer has %s, which it ran before: deploy the revision of the flake that it is from", system)
	}
	return system, nil
}

// Find gives a deployment by its ID.
func Find(histories []History, id string) (Deployment, error) {
	for _, h := range histories {
		if d := newest(h.Deployments, func(d Deployment) bool { return d.ID == id }); d != nil {
			return *d, nil
		}
	}
	return Deployment{}, fmt.Errorf("deployment %.70q is on no host's record", id)
}

// Before is the system that the host ran before the run of a deployment, of this host
// or another; "" where nothing was deployed to it since. What the host has no longer is
// an error.
func (h History) Before(of Deployment) (string, error) {
	first := slices.IndexFunc(h.Deployments, func(d Deployment) bool { return d.sinceRun(of) })
	if first < 0 {
		return "", nil
	}
	return h.kept(h.Deployments[first].Old)
}

// FlakeOf is the flake that a system was deployed from last, as far as is on record.
func (h History) FlakeOf(system string) wire.Flake {
	if d := newest(h.Deployments, func(d Deployment) bool { return d.New == system }); d != nil {
		return d.Flake
	}
	return wire.Flake{}
}

// Entry is a deployment in a history of several hosts.
type Entry struct {
	Host string // by the name it has in the histories
	Deployment
}

// Merge lists what was deployed to hosts since a time, which may be zero, newest first.
func Merge(histories map[string]History, since time.Time) []Entry {
	var all []Entry
	for _, host := range slices.Sorted(maps.Keys(histories)) {
		for _, d := range slices.Backward(histories[host].Deployments) {
			if !d.Begun().Before(since) {
				all = append(all, Entry{host, d})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Entry) int { return b.Begun().Compare(a.Begun()) })
	return all
}
