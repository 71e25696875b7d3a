// Package fault says of errors what kind they are and what to do about them. The
// errors say so themselves, by the methods Class and Hint.
package fault

import (
	"context"
	"errors"
)

// Class is the kind of an error: how far a node got, and in what state its host is.
type Class int

// The classes.
const (
	Other       Class = iota // nothing more is known
	Usage                    // the command line cannot be followed; nothing was done
	Evaluation               // flake or node cannot be evaluated
	Build                    // the system cannot be built
	Push                     // the system cannot be copied to the host
	Keys                     // keys cannot be read, or not be sent
	Unreachable              // no connection to the host, or one that broke
	Refused                  // the host, or the deployer, would not; the host is as it was
	RolledBack               // the activation failed, and the host went back
	Unknown                  // the host may be in any state
	Interrupted              // the operator ended the run
)

// ErrInterrupted is why a context ends that a signal ends.
var ErrInterrupted error = &classified{errors.New("interrupted"), Interrupted, false}

type classed interface{ Class() Class }

// hinted is an error that knows what to do about it, which many nodes may share.
type hinted interface{ Hint() string } // "" for none

// caused is a hinted error whose text has the hint in it, where it stands alone.
type caused interface{ Cause() string } // the error without the hint

type classified struct {
	error
	class Class
	weak  bool // a cause that has a class of its own has that one
}

func (c *classified) Unwrap() error { return c.error }
func (c *classified) Class() Class  { return c.class }

// During gives an error the class of the step in which it happened, unless it or
// its cause has a class of its own. It is nil for no error.
func During(class Class, err error) error {
	if err == nil {
		return nil
	}
	return &classified{err, class, true}
}

// As gives an error a class whatever its cause says of itself: after a step that
// changed the host, a connection that is lost is no host that was not reached.
func As(class Class, err error) error { return &classified{err, class, false} }

// Of is the class of an error: that of the outermost in its tree which has one, or
// else that of the step in which it happened.
func Of(err error) Class {
	class, during := Other, Other
	walk(err, func(err error) (done bool) {
		var c classed
		switch step, ok := err.(*classified); {
		case ok && step.weak:
			if during == Other {
				during = step.class
			}
		case err == context.Canceled:
			class = Interrupted
		default:
			if c, ok = err.(classed); ok {
				class = c.Class()
			}
		}
		return class != Other
	})
	if class == Other {
		return during
	}
	return class
}

// Hint is what to do about an error, "" for nothing in particular.
func Hint(err error) string {
	hint := ""
	walk(err, func(err error) (done bool) {
		if e, ok := err.(hinted); ok {
			hint = e.Hint()
		}
		return hint != ""
	})
	return hint
}

// Cause is the text of an error without what to do about it.
func Cause(err error) string {
	var e caused
	if errors.As(err, &e) {
		return e.Cause()
	}
	return err.Error()
}

// walk visits an error and its causes, outermost first, until visit is done.
func walk(err error, visit func(error) (done bool)) (done bool) {
	if err == nil {
		return false
	}
	if visit(err) {
		return true
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return walk(e.Unwrap(), visit)
	case interface{ Unwrap() []error }:
		for _, cause := range e.Unwrap() {
			if walk(cause, visit) {
				return true
			}
		}
	}
	return false
}
