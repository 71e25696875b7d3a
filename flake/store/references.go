package store

import (
	"os"
	"regexp"
)

// references follows derivations to those they are built from by reading the
// .drv files, where they are on this machine: asking nix takes a process for each
// node, and nix's builds stand still meanwhile.
type references struct {
	direct map[string][]string // by derivation
	names  map[string]string   // one copy of each name
}

func newReferences() *references {
	return &references{direct: map[string][]string{}, names: map[string]string{}}
}

// input is a derivation as a .drv file names it in its list of inputs.
var input = regexp.MustCompile(`"(/[^"\\]+\.drv)"`)

// closure calls each with drv and every derivation it is built from, once.
func (r *references) closure(drv string, each func(string)) error {
	seen := map[string]bool{drv: true}
	for open := []string{drv}; len(open) > 0; {
		next := open[len(open)-1]
		open = open[:len(open)-1]
		inputs, err := r.of(next)
		if err != nil {
			return err
		}
		each(next)
		for _, in := range inputs {
			if !seen[in] {
				seen[in] = true
				open = append(open, in)
			}
		}
	}
	return nil
}

// of reads what one derivation is directly built from. What nodes have in common
// is read once.
func (r *references) of(drv string) ([]string, error) {
	if inputs, ok := r.direct[drv]; ok {
		return inputs, nil
	}
	text, err := os.ReadFile(drv)
	if err != nil {
		return nil, err
	}
	inputs := []string{}
	for _, m := range input.FindAllSubmatch(text, -1) {
		inputs = append(inputs, r.name(m[1]))
	}
	r.direct[drv] = inputs
	return inputs, nil
}

func (r *references) name(b []byte) string {
	if s, ok := r.names[string(b)]; ok {
		return s
	}
	s := string(b)
	r.names[s] = s
	return s
}
