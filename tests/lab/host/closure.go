package host

import (
	"maps"
	"slices"
	"strings"
)

// debianFormat has dpkg-query write a package in the line that parseDebian reads.
const debianFormat = "${binary:Package}\t${Package}\t${db:Status-Status}\t${Essential}\t${Priority}\t${Provides}\t${Pre-Depends}, ${Depends}\n"

// debianPackage is an installed package.
type debianPackage struct {
	name      string // with its architecture where dpkg wants that said
	essential bool
	required  bool       // its priority: on any machine, however small
	needs     [][]string // one of each
}

// debian are the installed packages by their own names and those they provide.
type debian map[string][]debianPackage

func parseDebian(text string) debian {
	all := make(debian)
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 7 || f[2] != "installed" {
			continue
		}
		p := debianPackage{name: f[0], essential: f[3] == "yes", required: f[4] == "required"}
		for group := range strings.SplitSeq(f[6], ",") {
			if names := relations(group, "|"); len(names) > 0 {
				p.needs = append(p.needs, names)
			}
		}
		for _, name := range append(relations(f[5], ","), f[1]) {
			all[name] = append(all[name], p)
		}
	}
	return all
}

// relations are the names in a field of a package, without versions and
// architectures.
func relations(field, separator string) []string {
	var names []string
	for relation := range strings.SplitSeq(field, separator) {
		name, _, _ := strings.Cut(strings.TrimSpace(relation), " ")
		name, _, _ = strings.Cut(name, ":")
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// providers are the packages that apt would have a name be: the package of that
// name, or else those that provide it, where one of required priority is first.
func (d debian) providers(name string) []debianPackage {
	found := d[name]
	for _, fits := range []func(debianPackage) bool{
		func(p debianPackage) bool { return relations(p.name, ",")[0] == name },
		func(p debianPackage) bool { return p.required },
	} {
		if i := slices.IndexFunc(found, fits); i >= 0 {
			return found[i : i+1]
		}
	}
	return found
}

// closure are the names of the essential packages and of those named, with all
// that they depend on, sorted. Of several that will do it is the first installed.
func closure(d debian, names []string) []string {
	var pending []debianPackage
	for _, packages := range d {
		for _, p := range packages {
			if p.essential {
				pending = append(pending, p)
			}
		}
	}
	for _, name := range names {
		pending = append(pending, d.providers(name)...)
	}
	seen := make(map[string]bool)
	for len(pending) > 0 {
		p := pending[0]
		pending = pending[1:]
		if seen[p.name] {
			continue
		}
		seen[p.name] = true
		for _, choice := range p.needs {
			for _, name := range choice {
				if found := d.providers(name); len(found) > 0 {
					pending = append(pending, found...)
					break
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}
