package flake

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/tidwall/gjson"

	"flakeops/flake/nix"
	"flakeops/internal/fault"
)

// Other is an output of a flake by which another tool looks after machines.
type Other struct {
	Output string // "deploy.nodes", "colmena", "colmenaHive", "darwinConfigurations" or "homeConfigurations"
	Nodes  []OtherNode
	Err    error // why it cannot be read; then Nodes is empty
}

// OtherNode is a machine of such an output.
type OtherNode struct {
	Name    string
	Address string // "" where only the tool itself can tell
}

// String names the output and its machines.
func (o Other) String() string {
	if o.Err != nil {
		return o.Output + " (which cannot be read)"
	}
	var names []string
	for _, n := range o.Nodes {
		names = append(names, quoted(n.Name))
	}
	return fmt.Sprintf("%s (%s)", o.Output, strings.Join(names, ", "))
}

// AddressError is a node of which only its name says where it is, in a flake
// whose other outputs say where machines are.
type AddressError struct {
	Output  string // the one that says most of the node
	Address string // what Output says of it; "" where only the tool can tell, or it has no such node
	Known   bool   // whether Output has a node of that name
}

// Cause is the error without what to do about it.
func (e *AddressError) Cause() string {
	const unset = "deployment.targetHost is not set, and "
	switch {
	case e.Address != "":
		return fmt.Sprintf("%s%s, which is not read, says that the host is %q", unset, e.Output, e.Address)
	case e.Known:
		return unset + e.Output + ", which is not read, may say where the host is"
	}
	return unset + e.Output + ", which is not read, has no such node"
}

// Hint is what to do about it.
func (e *AddressError) Hint() string {
	return "set deployment.targetHost, or go to the host of the node's own name by --from nixos"
}

func (e *AddressError) Error() string { return fault.WithHint(e.Cause(), e.Hint()) }

// Class is the kind of the error.
func (e *AddressError) Class() fault.Class { return fault.Refused }

// Unsaid is an *AddressError for a node that is not Addressed when there are
// outputs that say where machines are, and nil otherwise.
func Unsaid(node string, others []Other) error {
	var best *AddressError
	for _, o := range others {
		e := &AddressError{Output: o.Output, Known: o.Err != nil}
		for _, n := range o.Nodes {
			if n.Name == node {
				e.Address, e.Known = n.Address, true
			}
		}
		if best == nil || !best.Known && e.Known || best.Address == "" && e.Address != "" {
			best = e
		}
	}
	if best == nil {
		return nil
	}
	return best
}

// Addresses are the outputs that say where NixOS machines are. The error is
// ctx's end, or that nix is not there.
func (f *Flake) Addresses(ctx context.Context) ([]Other, error) {
	return f.others(ctx, "deploy", "colmena", "colmenaHive")
}

// noNodes says what the flake has instead.
func (f *Flake) noNodes(ctx context.Context, missing bool) error {
	found, err := f.others(ctx, "deploy", "colmena", "colmenaHive", "darwinConfigurations", "homeConfigurations")
	if err != nil {
		return err
	}
	return &NoNodesError{Ref: f.Ref, Missing: missing, Others: found}
}

// others reads those outputs that the flake has, in a process for each.
func (f *Flake) others(ctx context.Context, outputs ...string) ([]Other, error) {
	found, errs := make([]*Other, len(outputs)), make([]error, len(outputs))
	var wg sync.WaitGroup
	for i, output := range outputs {
		wg.Go(func() { found[i], errs[i] = f.other(ctx, output) })
	}
	wg.Wait()
	var list []Other
	for _, o := range found {
		if o != nil {
			list = append(list, *o)
		}
	}
	return list, errors.Join(errs...)
}

// other reads one output; it gives nil for one that is not there, or is of
// another kind than its name says.
func (f *Flake) other(ctx context.Context, output string) (*Other, error) {
	// Nix would take the package of that name for the current system before the
	// output: there is none for a system of this name.
	a, err := f.nix.Ask(ctx, f.nix.EvalArgv("--option", "system", "none", "eval", "--json", f.URL+"#"+output,
		"--apply", library+".others."+output))
	o := &Other{Output: output}
	if output == "deploy" {
		o.Output = "deploy.nodes"
	}
	var list gjson.Result
	if err == nil {
		list, err = parseJSON("nix eval", a.Out)
	}
	var exit *nix.ExitError
	switch {
	case errors.As(err, &exit) && lacks(exit, output):
		return nil, nil
	case errors.As(err, &exit):
		o.Err = errors.New(exit.Message())
		return o, nil
	case err != nil:
		return nil, err
	}
	for _, n := range list.Array() {
		o.Nodes = append(o.Nodes, OtherNode{Name: n.Get("name").String(), Address: n.Get("address").String()})
	}
	if len(o.Nodes) == 0 {
		return nil, nil
	}
	return o, nil
}
