package keys

import (
	"errors"
	"fmt"
	"strings"

	"flakeops/internal/fault"
)

// ReadError is a node whose keys cannot all be read.
type ReadError struct {
	Node     string
	Failures []Failure // in the order of the keys
}

// Failure is a key that cannot be read.
type Failure struct {
	Attr string // of deployment.keys
	Err  error  // without any part of a value
}

// Error names the node and each key. Keys that failed for the same reason, such
// as texts that cannot be evaluated, share a line. After a command's follows how
// to run the first of them by hand.
func (e *ReadError) Error() string {
	var reasons []string
	attrs, byHand := map[string][]string{}, map[string]string{}
	for _, f := range e.Failures {
		text := f.Err.Error()
		if attrs[text] == nil {
			reasons = append(reasons, text)
			var command *commandError
			if errors.As(f.Err, &command) {
				byHand[text] = command.byHand
			}
		}
		attrs[text] = append(attrs[text], f.Attr)
	}
	var lines []string
	for _, text := range reasons {
		noun := "key"
		if len(attrs[text]) > 1 {
			noun = "keys"
		}
		lines = append(lines, fmt.Sprintf("%s: %s %s: %s", e.Node, noun, strings.Join(attrs[text], ", "), text))
		if line := byHand[text]; line != "" {
			lines = append(lines, "what it wrote is not shown, as that may hold the value; to see it, run it by hand: "+line)
		}
	}
	return strings.Join(lines, "\n")
}

// Class is the kind of the error.
func (e *ReadError) Class() fault.Class { return fault.Keys }

// HostError is what a host says about a message that it could not follow.
type HostError struct {
	Reason string
	Busy   bool // somebody is changing the host, and its keys are what they were
}

// Error gives the host's words, which name keys and no values.
func (e *HostError) Error() string { return "installing keys: " + e.Reason }

// Class tells a host that would not listen now from one whose keys are not there.
func (e *HostError) Class() fault.Class {
	if e.Busy {
		return fault.Refused
	}
	return fault.Keys
}
