package flake

import (
	"context"
	_ "embed" // checks.nix
	"encoding/json"
	"fmt"

	"github.com/tidwall/gjson"

	"flakeops/flake/nix"
	"flakeops/internal/settings"
)

//go:embed checks.nix
var checks string

// Validation is what is wrong with the settings of one node.
type Validation struct {
	Name     string
	Problems []string // each names an option
	Runs     []Local  // what the settings have the operator's machine run
	// Addressed is as that of its settings.
	Addressed bool
	Err       error    // *EvalError: the settings cannot be evaluated
	Said      []string // as that of an Evaluation
}

// Validate checks the settings of the named nodes, each by itself and against
// the others', without evaluating any system. The results are in the order of
// names. exposed says why a keyFile can hold no secret, and nil of one that can.
// The error returned concerns the whole run, as that of Evaluate does.
func (f *Flake) Validate(ctx context.Context, names []string, exposed func(file string) error) ([]Validation, error) {
	found := map[string]*Validation{}
	addresses := map[string][]address{} // by node
	err := f.each(ctx, names, func(name string) string { return "settings " + nixString(name) },
		func(name string, a nix.Answer, err error) error {
			v := &Validation{Name: name}
			found[name] = v
			if err == nil {
				v.Said = f.news(a)
				addresses[name], err = v.read(a.Out, exposed)
			}
			if err == nil {
				return nil
			}
			bad, whole := f.evalError(name, err)
			if whole != nil {
				return whole
			}
			v.Err = bad
			return nil
		})
	if err != nil {
		return nil, err
	}
	if err := f.compare(ctx, addresses, found); err != nil {
		return nil, err
	}
	results := make([]Validation, len(names))
	for i, name := range names {
		results[i] = *found[name]
	}
	return results, f.Unchanged(ctx)
}

// read takes over what lib.nix says of a node, and returns its addresses.
func (v *Validation) read(data []byte, exposed func(file string) error) ([]address, error) {
	m, err := parseObject("nix eval", data)
	if err != nil {
		return nil, err
	}
	s, err := readSettings(m)
	if err != nil {
		return nil, err
	}
	v.Addressed, v.Runs = s.Addressed, locals(s)
	v.Problems = append(texts(m.Get("problems")), texts(m.Get("unnamed"))...)
	for _, k := range s.Keys {
		if k.File == "" {
			continue
		}
		if err := exposed(k.File); err != nil {
			v.Problems = append(v.Problems, fmt.Sprintf("deployment.keys.%s.keyFile is %q: %v", quoted(k.Attr), k.File, err))
		}
	}
	return addressesOf(s), nil
}

// address is one that a node is reached at, as checks.nix compares them.
type address struct {
	Option  string   `json:"option"`
	Host    string   `json:"host"`
	Port    *int     `json:"port"`
	Options []string `json:"options"`
}

func addressesOf(s settings.Settings) []address {
	if s.TargetHost == nil {
		return nil
	}
	all := []address{{"targetHost", *s.TargetHost, s.TargetPort, s.SSHOptions}}
	for _, host := range s.AlternateHosts {
		all = append(all, address{"alternateHosts", host, s.TargetPort, s.SSHOptions})
	}
	return all
}

// compare adds the problems that nodes have with each other.
func (f *Flake) compare(ctx context.Context, addresses map[string][]address, found map[string]*Validation) error {
	type node struct {
		Addresses []address `json:"addresses"`
	}
	nodes := map[string]node{}
	for name, list := range addresses {
		if list != nil {
			nodes[name] = node{list}
		}
	}
	if len(nodes) < 2 {
		return nil
	}
	text, err := json.Marshal(nodes)
	if err != nil {
		return fmt.Errorf("encoding the addresses of nodes: %w", err)
	}
	// On stdin: a large fleet's addresses are more than an argument may hold.
	a, err := f.nix.Calculate(ctx, "(("+checks+") { configurations = { }; source = \"\"; library = { }; schema = "+schema+"; }).shared (builtins.fromJSON "+nixString(string(text))+")")
	if err != nil {
		return fmt.Errorf("comparing the addresses of nodes: %w", err)
	}
	m, err := parseObject("nix-instantiate", a)
	if err != nil {
		return err
	}
	m.ForEach(func(name, problems gjson.Result) bool {
		if v := found[name.String()]; v != nil {
			for _, p := range problems.Array() {
				v.Problems = append(v.Problems, p.String())
			}
		}
		return true
	})
	return nil
}
