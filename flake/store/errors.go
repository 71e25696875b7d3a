package store

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"flakeops/internal/fault"
)

// BuildError is a node whose system cannot be built.
type BuildError struct {
	Node   string
	System string   // the node's own derivation
	Drv    string   // the derivation that failed: System, or one that it needs
	Others int      // how many further derivations it needs failed too
	Reason string   // nix's words
	Log    []string // the last lines of Drv's log
}

func (e *BuildError) Error() string { return fault.WithHint(e.Cause(), e.Hint()) }

// Cause is the error without what to do about it, and without its node, which is named
// by whoever prints it.
func (e *BuildError) Cause() string {
	var b strings.Builder
	if e.Drv != "" && e.Drv != e.System {
		fmt.Fprintf(&b, "it needs %s: ", drvName(e.Drv))
	}
	b.WriteString(e.Reason)
	if e.Others > 0 {
		fmt.Fprintf(&b, " (and %d more it needs failed)", e.Others)
	}
	for _, l := range e.Log {
		b.WriteString("\n  > " + l)
	}
	return b.String()
}

// Hint is what to do about it, "" for nothing in particular.
func (e *BuildError) Hint() string {
	switch {
	case otherPlatform.MatchString(e.Reason):
		return "give nix a builder for that platform (--builders), or have the host build it (deployment.buildOnTarget)"
	case e.Drv != "":
		return fmt.Sprintf("see `nix log %s`", e.Drv)
	}
	return ""
}

// Class is the kind of the error.
func (e *BuildError) Class() fault.Class { return fault.Build }

// otherPlatform recognises what nix says of a derivation that it did not even
// try to build, so there is no log of it.
var otherPlatform = regexp.MustCompile(`is required to build|platform mismatch|required system or feature not available`)

// CopyError is a copy to another store that failed.
type CopyError struct {
	Store   string
	Message string   // nix's words
	Said    []string // the last lines of what nix started, such as ssh
}

func (e *CopyError) Error() string {
	text := "nix copy: " + e.Message
	for _, l := range e.Said {
		text += "\n  > " + l
	}
	return text
}

// drvName is a derivation's name without the store's directory and the hash.
func drvName(drv string) string {
	base := path.Base(drv)
	if len(base) > 33 && base[32] == '-' {
		return base[33:]
	}
	return base
}
