package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"flakeops/activate/agent/history"
	"flakeops/activate/agent/lock"
	"flakeops/activate/wire"
)

// settleOthers makes sure that no other deployment is half done. One whose unit
// is still there is being rolled back by it, and has precedence; one whose unit
// is gone is brought to its end here. The caller holds the lock.
func (a *agent) settleOthers(ctx context.Context, own string) error {
	for _, id := range a.deployments() {
		if id == own || !a.unfinished(id) {
			continue
		}
		d, err := a.open(id)
		if err != nil {
			return err
		}
		err = a.settleOther(ctx, d)
		_ = d.log.Close()
		if err != nil {
			return err
		}
	}
	_ = a.settleRecords(own) // where nothing can be written down, nothing begins
	a.sweep(own)
	return nil
}

func (a *agent) settleOther(ctx context.Context, d *deployment) error {
	if d.log.Last != nil { // it has ended, only its state could not be saved
		return d.fx.save(state{Stage: stageFinished, Final: d.log.Last})
	}
	if a.unitThere(ctx, d.req.ID) {
		return &lock.TakenError{Holder: &wire.Holder{ID: d.req.ID, Operator: d.req.Operator, Since: time.Now()}}
	}
	d.attended = true
	d.lock = &lock.Lock{} // the caller's is held throughout
	// What could not be concluded is no reason to refuse: the next attempt
	// settles it again.
	final, err := d.settle(ctx)
	if final.Kind == "" {
		return err
	}
	a.removeGuard(ctx, d.req.ID)
	if final.Outcome == wire.RollbackFailed {
		return fmt.Errorf("deployment %s ended half way and could not be rolled back: %s", d.req.ID, final.Message)
	}
	return nil
}

func (a *agent) unfinished(id string) bool {
	var st state
	return readJSON(a.layout.state(id), &st) == nil && st.Stage != stageFinished
}

// settleRecords writes the ends that are missing: of deployments that a power cut
// ended, and of those that found the disk full. The caller holds the lock.
func (a *agent) settleRecords(own string) error {
	open, err := history.Unended(a.layout.records())
	if err != nil {
		return err
	}
	for _, rec := range open {
		if rec.ID == own || a.unfinished(rec.ID) {
			continue
		}
		var st state
		if readJSON(a.layout.state(rec.ID), &st) == nil && st.Final != nil {
			rec.Outcome, rec.Message, rec.Units = st.Final.Outcome, st.Final.Message, st.Final.Units
		} else {
			outcome, why, err := a.judge(rec)
			if err != nil {
				return err
			}
			rec.Outcome, rec.Message = outcome, join(rec.Message, why)
		}
		rec.Time = time.Now().UTC()
		if err := history.Append(a.layout.records(), rec); err != nil {
			return err
		}
		if rec.Outcome != wire.RollbackFailed { // then somebody needs both systems
			a.unroot(rec.ID)
		}
	}
	return nil
}

// defaultProfile is the profile NixOS boots from.
const defaultProfile = "/nix/var/nix/profiles/system"

// judge tells the end of a deployment that a reboot cut short: what is on disk
// decides. Committing starts only after the confirm, so a new system that runs now
// and is the profile's was confirmed.
func (a *agent) judge(rec wire.Record) (wire.Outcome, string, error) {
	running, errR := readSystem(a.layout.currentSystem())
	profile, errP := readSystem(a.layout.root + defaultProfile)
	if errors.Is(errP, os.ErrNotExist) {
		errP = nil // there is none
	}
	outcome, why := judge(rec, running, profile)
	return outcome, why, errors.Join(errR, errP)
}

func judge(rec wire.Record, running, profile string) (wire.Outcome, string) {
	switch {
	case running == rec.New && profile == rec.New:
		return wire.Deployed, "the host rebooted into the new system"
	case running == rec.New:
		return wire.RollbackFailed, "the host rebooted into the new system, but its profile is " + profile
	case profile == rec.New && rec.Old != rec.New:
		return wire.RollbackFailed, "the host rebooted in the middle of the commit: it runs " + running + ", its profile is " + profile + ": deploy again"
	}
	return wire.RolledBack, "the host rebooted before the deployment was confirmed, into " + running
}
