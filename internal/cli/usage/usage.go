// Package usage says of a command line that cannot be followed what may be meant by
// it: a verb or a flag that is nearly the one typed, or that another verb or another
// tool has, a node where a flake is expected.
package usage

import (
	"fmt"

	"flakeops/flake"
	"flakeops/internal/fault"
)

// FlakeArgument is the name of the argument that stands for a flake, and nodes of it.
const FlakeArgument = "flake[#node]"

// Error is a command line that cannot be followed. Nothing was done.
type Error struct {
	Verb string // that was typed, "" when none was
	text string
}

func (e *Error) Error() string { return e.text }

// Class is the kind of the error.
func (e *Error) Class() fault.Class { return fault.Usage }

// Errorf is an *Error.
func Errorf(format string, args ...any) error { return &Error{text: fmt.Sprintf(format, args...)} }

// Misnamed is about a word where a verb was expected.
func Misnamed(word string, verbs []string) error {
	if there, ok := elsewhere()[word]; ok {
		return Errorf("flakeops has no verb %s: %s", word, there)
	}
	if near := flake.Nearest(word, verbs); near != "" {
		return Errorf("flakeops has no verb %s: did you mean %s?", word, near)
	}
	return Errorf("flakeops has no verb %s: see flakeops --help", word)
}
