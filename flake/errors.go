package flake

import (
	"fmt"
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

func (e *EvalError) Error() string {
	return fault.WithHint(fmt.Sprintf("node %s cannot be evaluated: %s", quoted(e.Node), e.Message), e.Next)
}

// Class is the kind of the error.
func (e *EvalError) Class() fault.Class { return fault.Evaluation }

// Cause is the error without what to do about it, and without its node, which is named
// by whoever prints it.
func (e *EvalError) Cause() string { return e.Message }

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
	return fault.WithHint(fmt.Sprintf("no flake found at %s: %s", e.Ref, e.Detail),
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

// local says whether ref is a place in this machine's file system.
func local(ref string) bool {
	for _, p := range []string{".", "/", "~", "path:", "git+file:", "file:"} {
		if strings.HasPrefix(ref, p) {
			return true
		}
	}
	return false
}
