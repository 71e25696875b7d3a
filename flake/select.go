package flake

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"flakeops/flake/nix"
	"flakeops/internal/fault"
)

// Selection says which nodes a command is for; the zero value means all.
type Selection struct {
	Node    string   // one exact name
	On      []string // names, globs and @tags; each may be a comma list
	Exclude []string // the same, taken away from what On selects
}

// Select resolves sel to sorted node names. A selector that matches nothing is
// a *SelectError. Tags are evaluated only when sel names one. A node whose tags
// cannot be read, so that nobody knows whether it is selected, is not among the
// names but among unclear, sorted too, with an *EvalError.
func (f *Flake) Select(ctx context.Context, sel Selection) (chosen []string, unclear []Evaluation, err error) {
	if sel.Node != "" && len(sel.On) > 0 {
		return nil, nil, &SelectError{Selector: sel.Node, Message: fmt.Sprintf(
			"node %s is named after the # and nodes are selected as well: use one of the two", quoted(sel.Node))}
	}
	names, err := f.Names(ctx)
	if err != nil {
		return nil, nil, err
	}
	on, exclude := selectors(sel.On, names), selectors(sel.Exclude, names)
	tags, unread := map[string][]string{}, map[string]error{}
	if slices.ContainsFunc(slices.Concat(on, exclude), isTag) {
		if tags, unread, err = f.tags(ctx, names); err != nil {
			return nil, nil, err
		}
	}
	chosen, err = pick(sel.Node, on, exclude, names, tags)
	if err != nil {
		err = errors.Join(append([]error{err}, inOrder(unread)...)...)
		if len(unread) > 0 { // a tag that cannot be read may be the one that is asked for
			err = fault.As(fault.Evaluation, err)
		}
		return nil, nil, err
	}
	if len(unread) == 0 {
		return chosen, nil, nil
	}
	// Whatever a tag might say of it, it is left out by name, or not asked for.
	if !slices.ContainsFunc(on, isTag) && (len(on) > 0 || sel.Node != "") {
		maps.DeleteFunc(unread, func(name string, _ error) bool { return !slices.Contains(chosen, name) })
	}
	gone, err := union(slices.DeleteFunc(exclude, isTag), names, nil)
	if err != nil {
		return nil, nil, err
	}
	maps.DeleteFunc(unread, func(name string, _ error) bool { return gone[name] })
	for _, name := range slices.Sorted(maps.Keys(unread)) {
		unclear = append(unclear, Evaluation{Name: name, Err: unread[name]})
	}
	return slices.DeleteFunc(chosen, func(name string) bool { return unread[name] != nil }), unclear, nil
}

// inOrder are the errors of nodes, sorted by the nodes' names.
func inOrder(of map[string]error) []error {
	var list []error
	for _, name := range slices.Sorted(maps.Keys(of)) {
		list = append(list, of[name])
	}
	return list
}

// pick applies the selectors to names, which are sorted.
func pick(node string, on, exclude, names []string, tags map[string][]string) ([]string, error) {
	chosen := names
	switch {
	case node != "":
		if !slices.Contains(names, node) {
			return nil, noMatch(node, names, tags)
		}
		chosen = []string{node}
	case len(on) > 0:
		set, err := union(on, names, tags)
		if err != nil {
			return nil, err
		}
		chosen = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !set[n] })
	}
	gone, err := union(exclude, names, tags)
	if err != nil {
		return nil, err
	}
	chosen = slices.DeleteFunc(slices.Clone(chosen), func(n string) bool { return gone[n] })
	if len(chosen) == 0 {
		return nil, &SelectError{Selector: strings.Join(exclude, ","),
			Message: "no node is left: every node selected is excluded too"}
	}
	return chosen, nil
}

func union(selectors, names []string, tags map[string][]string) (map[string]bool, error) {
	set := map[string]bool{}
	for _, s := range selectors {
		if !isTag(s) && slices.Contains(names, s) {
			// A name that looks like a pattern means itself alone.
			set[s] = true
			continue
		}
		found := false
		for _, n := range names {
			ok, err := matches(s, n, tags[n])
			if err != nil {
				return nil, err
			}
			if ok {
				set[n], found = true, true
			}
		}
		if !found {
			return nil, noMatch(s, names, tags)
		}
	}
	return set, nil
}

func isTag(s string) bool { return strings.HasPrefix(s, "@") }

func matches(selector, name string, tags []string) (bool, error) {
	if isTag(selector) {
		return slices.Contains(tags, selector[1:]), nil
	}
	// A node's name is not a path: * matches a slash too.
	flat := strings.NewReplacer("/", "\x00")
	ok, err := path.Match(flat.Replace(selector), flat.Replace(name))
	if err != nil {
		return false, &SelectError{Selector: selector, Message: fmt.Sprintf(
			"pattern %q is not complete: close the bracket, or put a backslash before it", selector)}
	}
	return ok, nil
}

// selectors splits comma lists. What is a node's name as a whole is not split,
// and neither is a list that names nothing: a script whose variable is empty
// must not get all nodes for it.
func selectors(lists, names []string) []string {
	var out []string
	for _, l := range lists {
		parts := strings.FieldsFunc(l, func(r rune) bool { return r == ',' })
		for i, s := range parts {
			parts[i] = strings.TrimSpace(s)
		}
		parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
		if len(parts) == 0 || slices.Contains(names, l) {
			parts = []string{l}
		}
		out = append(out, parts...)
	}
	return out
}

// tags evaluates the tags of all nodes, each in a process of its own, so that
// a node that cannot be evaluated does not keep the others from being selected.
func (f *Flake) tags(ctx context.Context, names []string) (tags map[string][]string, unread map[string]error, err error) {
	tags, unread = map[string][]string{}, map[string]error{}
	err = f.each(ctx, names, func(name string) string {
		return "tags " + nixString(name)
	}, func(name string, a nix.Answer, err error) error {
		var m gjson.Result
		if err == nil {
			m, err = parseObject("nix eval", a.Out)
		}
		if err == nil {
			err = problemsOf(m)
		}
		if err == nil && !m.Get("tags").IsArray() {
			err = errors.New("nix eval printed an answer without tags: check that the nix in PATH works")
		}
		if err != nil {
			node, whole := f.evalError(name, err)
			if whole != nil {
				return whole
			}
			node.Next = "whether a @tag selects it is not known: correct it, or exclude it by its name"
			unread[name] = node
			return nil
		}
		tags[name] = texts(m.Get("tags"))
		return nil
	})
	return tags, unread, err
}
