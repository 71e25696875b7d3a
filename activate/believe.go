package activate

import (
	"errors"
	"fmt"
	"sync/atomic"

	"flakeops/activate/wire"
	"flakeops/internal/nixname"
)

const (
	// maxEvents is more than any deployment has, and far from where numbers end.
	maxEvents = 1 << 40
	// maxOutput is how much of what a host prints is handed on, in bytes. The agent
	// keeps less.
	maxOutput = 4 << 20
	// maxIntake is more than all streams of a deployment bring together, in bytes.
	maxIntake = 64 << 20
)

// errFlood is a host that says more than any deployment has to say.
var errFlood = fmt.Errorf("the host sent more than %d MiB", maxIntake>>20)

// meter counts what all streams bring, and breaks off what is too much.
type meter struct{ taken atomic.Int64 }

func (m *meter) take(n int) error {
	if m.taken.Add(int64(n)) > maxIntake {
		return errFlood
	}
	return nil
}

// sane refuses an event that no agent sends in answer to req.
func sane(req wire.Request, e wire.Event) error {
	if e.Seq > maxEvents {
		return fmt.Errorf("event number %d", e.Seq)
	}
	if e.ID != "" && e.ID != req.ID {
		return fmt.Errorf("an event of deployment %.70q", e.ID)
	}
	switch e.Kind {
	case wire.Started, wire.Finished:
		if e.New != "" && e.New != req.System {
			return fmt.Errorf("an event about the system %.300q", e.New)
		}
		if e.Old != "" && !nixname.IsStorePath(e.Old) {
			return fmt.Errorf("%.300q, which is not a store path", e.Old)
		}
	}
	if e.Kind == wire.Finished && !fits(req.Goal, e.Outcome) {
		return fmt.Errorf("outcome %.70q of goal %s", e.Outcome, req.Goal)
	}
	return nil
}

// fits says whether a deployment with that goal can end so.
func fits(goal wire.Goal, o wire.Outcome) bool {
	switch o {
	case wire.Deployed:
		return goal == wire.Switch
	case wire.Tested:
		return goal == wire.Test
	case wire.BootSet:
		return goal == wire.Boot
	case wire.RolledBack, wire.LeftBroken, wire.RollbackFailed:
		return true
	}
	return false
}

// believe says why an end that the host tells is not taken for one. The host is
// asked to wait for a confirm, so without one there is no success; unless nothing
// was activated, for it ran that system before. A token whose answer was lost may
// have been accepted.
func (f *follower) believe(e wire.Event) error {
	wanted := f.req.MagicRollback && (e.Outcome == wire.Deployed || e.Outcome == wire.Tested)
	if !wanted || f.confirmed || f.unanswered > 0 || f.nothingNew {
		return nil
	}
	if f.confirmErr != nil {
		return fmt.Errorf("the host says %s, but this deployer never confirmed; last attempt: %w", e.Outcome, f.confirmErr)
	}
	return errors.New("the host says " + string(e.Outcome) + ", but this deployer never confirmed")
}
