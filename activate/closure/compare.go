package closure

import (
	"cmp"
	"maps"
	"slices"
)

// Closure holds the store paths of a system with their sizes in bytes, as a NAR
// has them.
type Closure map[string]int64

// Size is the size of all paths together, in bytes.
func (c Closure) Size() int64 {
	var sum int64
	for _, n := range c {
		sum += n
	}
	return sum
}

// Change is what becomes of one package. Versions are in ascending order; the
// empty one stands for paths whose name has none.
type Change struct {
	Name string   `json:"name"`
	Old  []string `json:"old,omitempty"`
	New  []string `json:"new,omitempty"`
}

// Difference is what lies between two closures, each part sorted by name.
type Difference struct {
	Added      []Change `json:"added"`
	Removed    []Change `json:"removed"`
	Upgraded   []Change `json:"upgraded"`
	Downgraded []Change `json:"downgraded"`
	// Rebuilt are packages whose paths differ while their versions do not.
	Rebuilt []string `json:"rebuilt"`
}

// Empty says whether there is no difference.
func (d Difference) Empty() bool {
	return len(d.Added)+len(d.Removed)+len(d.Upgraded)+len(d.Downgraded)+len(d.Rebuilt) == 0
}

// Compare tells how to get from one closure to the other. A package of which
// several versions are there is up- or downgraded by its highest that changed.
func Compare(from, to Closure) Difference {
	before, after := packages(from), packages(to)
	d := Difference{Added: []Change{}, Removed: []Change{}, Upgraded: []Change{}, Downgraded: []Change{}, Rebuilt: []string{}}
	names := slices.Collect(maps.Keys(before))
	for name := range after {
		if _, ok := before[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		was, is := before[name], after[name]
		c := Change{Name: name, Old: was.versions(), New: is.versions()}
		switch {
		case was == nil:
			d.Added = append(d.Added, c)
		case is == nil:
			d.Removed = append(d.Removed, c)
		case !slices.Equal(c.Old, c.New):
			if direction(c.Old, c.New) < 0 {
				d.Downgraded = append(d.Downgraded, c)
			} else {
				d.Upgraded = append(d.Upgraded, c)
			}
		case !was.equal(is):
			d.Rebuilt = append(d.Rebuilt, name)
		}
	}
	return d
}

// direction is below zero when versions went down. Old and new differ.
func direction(was, is []string) int {
	for len(was) > 0 && len(is) > 0 {
		if c := CompareVersions(is[len(is)-1], was[len(was)-1]); c != 0 {
			return c
		}
		was, is = was[:len(was)-1], is[:len(is)-1]
	}
	return len(is) - len(was)
}

// paths are a package's store paths by version.
type paths map[string][]string

func packages(c Closure) map[string]paths {
	all := map[string]paths{}
	for path := range c {
		p := PackageOf(path)
		if all[p.Name] == nil {
			all[p.Name] = paths{}
		}
		all[p.Name][p.Version] = append(all[p.Name][p.Version], path)
	}
	return all
}

func (p paths) versions() []string {
	return slices.SortedFunc(maps.Keys(p), func(a, b string) int {
		return cmp.Or(CompareVersions(a, b), cmp.Compare(a, b))
	})
}

func (p paths) equal(o paths) bool {
	return slices.Equal(p.all(), o.all())
}

func (p paths) all() []string {
	return slices.Sorted(slices.Values(slices.Concat(slices.Collect(maps.Values(p))...)))
}
