package activate

import (
	"fmt"

	"flakeops/activate/wire"
	"flakeops/internal/fault"
)

// RefusedError says that the host started nothing, and has not changed.
type RefusedError struct {
	Reason string
	Holder *wire.Holder // who holds the host's lock, when that is the reason
	Next   string       // what to do about it, where the reason does not say
}

// Error gives the reason.
func (e *RefusedError) Error() string { return "refused: " + e.Reason }

// Hint is what to do about it, "" for nothing in particular.
func (e *RefusedError) Hint() string {
	if e.Holder != nil {
		return "wait for the other deployment to end, then deploy again"
	}
	return e.Next
}

// Class is the kind of the error.
func (e *RefusedError) Class() fault.Class { return fault.Refused }

// NotStartedError is a deployment of which the host never heard, so that it is
// as it was.
type NotStartedError struct {
	Err error // what kept it from the host, or why it was given up
}

// Error says so, and why.
func (e *NotStartedError) Error() string {
	return fmt.Sprintf("the deployment did not reach the host, which is as it was: %v", e.Err)
}

// Unwrap gives the cause.
func (e *NotStartedError) Unwrap() error { return e.Err }

// Class is that of the cause; where it has none, the host was left alone.
func (e *NotStartedError) Class() fault.Class {
	if class := fault.Of(e.Err); class != fault.Other {
		return class
	}
	return fault.Refused
}

// OutcomeError is a deployment that ended, but not well.
type OutcomeError struct {
	Event   wire.Event // the last event
	Confirm error      // why the last attempt to confirm failed, if one did
}

// Error says how the deployment ended and why.
func (e *OutcomeError) Error() string {
	text := fmt.Sprintf("%s: %s", e.Event.Outcome, e.Event.Message)
	if e.Confirm != nil {
		text += fmt.Sprintf("; last attempt to confirm: %v", e.Confirm)
	}
	return text
}

// Hint is what to do about a host that did not go back.
func (e *OutcomeError) Hint() string {
	switch e.Event.Outcome {
	case wire.RollbackFailed:
		return fmt.Sprintf("look at the host: journalctl -u flakeops-%s; the system it had is %s", e.Event.ID, e.Event.Old)
	case wire.LeftBroken:
		return "autoRollback is off: deploy again, or go back by hand with " + e.Event.Old + "/bin/switch-to-configuration test"
	}
	return ""
}

// Class tells a host that went back from one that needs somebody to look at it.
func (e *OutcomeError) Class() fault.Class {
	if e.Event.Outcome == wire.RolledBack {
		return fault.RolledBack
	}
	return fault.Unknown
}

// UnknownOutcomeError is a deployment whose end the deployer did not learn. The
// host keeps the promise by itself.
type UnknownOutcomeError struct {
	ID  string
	Err error // what kept the deployer from learning it
}

// Error names the deployment, so that its record can be found on the host.
func (e *UnknownOutcomeError) Error() string {
	return fmt.Sprintf("outcome of deployment %s unknown: %v; unconfirmed, the host rolls back by itself: see /var/lib/flakeops/deployments.jsonl there", e.ID, e.Err)
}

// Class is the kind of the error.
func (e *UnknownOutcomeError) Class() fault.Class { return fault.Unknown }

// Unwrap gives the cause.
func (e *UnknownOutcomeError) Unwrap() error { return e.Err }
