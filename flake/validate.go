package flake

import (
	"context"
	_ "embed" // checks.nix and values.nix
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"

	"flakeops/internal/run"
)

//go:embed checks.nix
var checks string

//go:embed values.nix
var valueChecks string

// Validation is what is wrong with the settings of one node.
type Validation struct {
	Name     string
	Problems []string // each names an option
	Runs     []Local  // what the settings have the operator's machine run
	// Addressed is as that of a Node.
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
	addresses := map[string]json.RawMessage{} // by node, as checks.nix gives them
	err := f.each(ctx, names, func(name string) string {
		return "check (" + checks + ") (" + valueChecks + ") " + nixString(name)
	}, func(name string, a answer, err error) error {
		v := &Validation{Name: name}
		found[name] = v
		if err == nil {
			v.Said = f.news(a)
			addresses[name], err = v.read(a.out, exposed)
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

// read takes over what checks.nix says of a node, and returns its addresses.
func (v *Validation) read(data []byte, exposed func(file string) error) (json.RawMessage, error) {
	const command = "nix eval"
	m, err := parseObject(command, data)
	if err != nil {
		return nil, err
	}
	addresses := m.Get("addresses")
	if !addresses.IsArray() || !m.Get("problems").IsArray() || !m.Get("keyFiles").IsObject() {
		return nil, notJSON(command, data)
	}
	v.Addressed = m.Get("addressed").Bool()
	v.Runs = locals(m)
	for _, p := range m.Get("problems").Array() {
		v.Problems = append(v.Problems, p.String())
	}
	m.Get("keyFiles").ForEach(func(attr, file gjson.Result) bool {
		if err := exposed(file.String()); err != nil {
			v.Problems = append(v.Problems, fmt.Sprintf("deployment.keys.%s.keyFile is %q: %v", quoted(attr.String()), file.String(), err))
		}
		return true
	})
	return json.RawMessage(addresses.Raw), nil
}

// compare adds the problems that nodes have with each other.
func (f *Flake) compare(ctx context.Context, addresses map[string]json.RawMessage, found map[string]*Validation) error {
	type node struct {
		Addresses json.RawMessage `json:"addresses"`
	}
	nodes := map[string]node{}
	for name, list := range addresses {
		nodes[name] = node{list}
	}
	if len(nodes) < 2 {
		return nil
	}
	text, err := json.Marshal(nodes)
	if err != nil {
		return fmt.Errorf("encoding the addresses of nodes: %w", err)
	}
	// On stdin: a large fleet's addresses are more than an argument may hold.
	a, err := f.nix.calculate(ctx, "(("+checks+") { configurations = { }; source = \"\"; library = { }; values = ("+valueChecks+"); }).shared (builtins.fromJSON "+nixString(string(text))+")")
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

// calculate evaluates an expression that needs no flake.
func (n *Nix) calculate(ctx context.Context, expression string) ([]byte, error) {
	out := capped{max: maxAnswer}
	tail := run.Tail{Max: maxErrors}
	_, err := n.run(ctx, run.Command{
		Argv:   []string{"nix-instantiate", "--eval", "--strict", "--json", "-"},
		Stdin:  strings.NewReader(expression),
		Stdout: &out, Stderr: &tail,
	})
	if err != nil {
		return nil, n.explain(ctx, err, tail.String())
	}
	return out.buf.Bytes(), nil
}
