package flake

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"

	"flakeops/internal/fault"
)

// EvalError is a node that cannot be evaluated, or whose settings are not valid.
type EvalError struct {
	Node    string
	Message string // nix's error, or what is wrong with which option
	Next    string // what to do about it
}

func (e *EvalError) Error() string { return withHint(e.Cause(), e.Next) }

// Class is the kind of the error.
func (e *EvalError) Class() fault.Class { return fault.Evaluation }

// Cause is the error without what to do about it.
func (e *EvalError) Cause() string {
	return fmt.Sprintf("node %s cannot be evaluated: %s", quoted(e.Node), e.Message)
}

// Hint is what to do about it, "" for nothing in particular.
func (e *EvalError) Hint() string { return e.Next }

// LockError is a flake whose flake.lock is missing or stale.
type LockError struct {
	Ref string
}

func (e *LockError) Error() string {
	where := "in a checkout of it, and push the result"
	if local(e.Ref) {
		where = "and, in a git tree, git add flake.lock"
		return fmt.Sprintf("flake %s has inputs that its flake.lock does not lock: run `nix flake lock %s` %s",
			e.Ref, e.Ref, where)
	}
	return fmt.Sprintf("flake %s has inputs that its flake.lock does not lock: run `nix flake lock` %s", e.Ref, where)
}

// Class is the kind of the error.
func (e *LockError) Class() fault.Class { return fault.Evaluation }

// NoFlakeError is a reference that leads to no flake.
type NoFlakeError struct {
	Ref    string
	Detail string // what nix said
}

func (e *NoFlakeError) Error() string {
	return withHint(fmt.Sprintf("no flake found at %s: %s", e.Ref, e.Detail),
		"name a directory that holds a flake.nix, or a flake reference such as github:OWNER/REPO")
}

// NoNodesError is a flake without anything to deploy.
type NoNodesError struct {
	Ref     string
	Missing bool    // no nixosConfigurations at all, rather than an empty one
	Others  []Other // what it has of other tools' outputs
}

func (e *NoNodesError) Error() string {
	what := "an empty nixosConfigurations"
	if e.Missing {
		what = "no nixosConfigurations"
	}
	const define = "define a host in its outputs, nixosConfigurations.NAME = nixpkgs.lib.nixosSystem { ... }"
	if len(e.Others) == 0 {
		return fmt.Sprintf("flake %s has %s: %s", e.Ref, what, define)
	}
	var found []string
	for _, o := range e.Others {
		found = append(found, o.String())
	}
	return fmt.Sprintf("flake %s has %s, which is all that flakeops deploys; it has %s: %s",
		e.Ref, what, strings.Join(found, ", "), define)
}

// ChangedError is a dirty work tree that was edited while it was being read.
type ChangedError struct {
	Ref string
}

func (e *ChangedError) Error() string {
	return fmt.Sprintf("the files of flake %s changed while it was being evaluated: run again, or commit them first", e.Ref)
}

// SelectError is a selector that no node matches, or that cannot be understood.
type SelectError struct {
	Selector string
	Message  string // the whole text
}

func (e *SelectError) Error() string { return e.Message }

// Class is the kind of the error.
func (e *SelectError) Class() fault.Class { return fault.Usage }

// BuildError is a node whose system cannot be built.
type BuildError struct {
	Node   string
	System string   // the node's own derivation
	Drv    string   // the derivation that failed: System, or one that it needs
	Others int      // how many further derivations it needs failed too
	Reason string   // nix's words
	Log    []string // the last lines of Drv's log
}

func (e *BuildError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "node %s cannot be built: ", quoted(e.Node))
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
	switch {
	case otherPlatform.MatchString(e.Reason):
		b.WriteString("\ngive nix a builder for that platform (--builders), or have the host build it (deployment.buildOnTarget)")
	case e.Drv != "":
		fmt.Fprintf(&b, "\nsee `nix log %s`", e.Drv)
	}
	return b.String()
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

// withHint appends the next step to a text that may have many lines.
func withHint(text, hint string) string {
	switch {
	case hint == "":
		return text
	case strings.Contains(text, "\n"):
		return text + "\n" + hint
	default:
		if !strings.HasSuffix(text, "..") { // nix ends some of its messages with a full stop
			text = strings.TrimSuffix(text, ".")
		}
		return text + ": " + hint
	}
}

// quoted shows a node's name: as it is, unless it could be misread.
func quoted(name string) string {
	odd := func(r rune) bool {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return false
		}
		return !strings.ContainsRune("._-", r)
	}
	if name == "" || strings.IndexFunc(name, odd) >= 0 {
		return strconv.Quote(name)
	}
	return name
}

// drvName is a derivation's name without the store's directory and the hash.
func drvName(drv string) string {
	base := path.Base(drv)
	if len(base) > 33 && base[32] == '-' {
		return base[33:]
	}
	return base
}

// local says whether ref is a place in this machine's file system.
func local(ref string) bool {
	for _, p := range []string{".", "/", "~", "path:", "git+file:", "file:"} {
		if strings.HasPrefix(ref, p) {
			return true
		}
	}
	return false
}
