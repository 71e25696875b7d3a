package flake

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// Selection says which nodes a command is for; the zero value means all.
type Selection struct {
	Node    string   // one exact name
	On      []string // names, globs and @tags; each may be a comma list
	Exclude []string // the same, taken away from what On selects

	// Unreadable is told of a node whose tags cannot be read, which therefore
	// no @tag matches. nil logs a warning.
	Unreadable func(node string, err error)
}

// Select resolves sel to sorted node names. A selector that matches nothing is
// a *SelectError. Tags are evaluated only when sel names one.
func (f *Flake) Select(ctx context.Context, sel Selection) ([]string, error) {
	if sel.Node != "" && len(sel.On) > 0 {
		return nil, &SelectError{Selector: sel.Node, Message: fmt.Sprintf(
			"node %s is named after the # and nodes are selected as well: use one of the two", quoted(sel.Node))}
	}
	names, err := f.Names(ctx)
	if err != nil {
		return nil, err
	}
	on, exclude := selectors(sel.On, names), selectors(sel.Exclude, names)
	tags := map[string][]string{}
	if slices.ContainsFunc(slices.Concat(on, exclude), isTag) {
		if tags, err = f.tags(ctx, names, sel); err != nil {
			return nil, err
		}
	}
	return pick(sel.Node, on, exclude, names, tags)
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
func (f *Flake) tags(ctx context.Context, names []string, sel Selection) (map[string][]string, error) {
	unreadable := sel.Unreadable
	if unreadable == nil {
		unreadable = func(node string, err error) {
			f.nix.Log.Warn().Str("node", node).Err(err).Msg("its tags cannot be read, no @tag selects it")
		}
	}
	tags := map[string][]string{}
	err := f.each(ctx, names, func(name string) string {
		return "tags " + nixString(name)
	}, func(name string, a answer, err error) error {
		var list []string
		var value gjson.Result
		if err == nil {
			value, err = parseJSON("nix eval", a.out)
		}
		if err == nil {
			if err = readList(&list, value, checkTag); err != nil {
				err = fmt.Errorf("deployment.tags %w", err)
			}
		}
		if err != nil {
			node, whole := f.evalError(name, err)
			if whole != nil {
				return whole
			}
			unreadable(name, node)
			return nil
		}
		tags[name] = list
		return nil
	})
	return tags, err
}
