package flake

import (
	"maps"
	"slices"
	"time"

	"github.com/tidwall/gjson"
)

// LockedInput is an input of a flake as flake.lock has it.
type LockedInput struct {
	Name     string    // as the flake calls it; of an input's own input home-manager/nixpkgs
	Direct   bool      // it is the flake's own
	Type     string    // github, git, path, tarball and what else nix has
	URL      string    // locked
	Revision string    // "" for a type without
	Date     time.Time // when it was changed last; zero for unknown
	NarHash  string
}

// Stale are the flake's own inputs that are older than a limit. Of the others, those
// decide whose inputs they are.
func Stale(inputs []LockedInput, limit time.Duration, now time.Time) []LockedInput {
	var stale []LockedInput
	for _, in := range inputs {
		if in.Direct && !in.Date.IsZero() && now.Sub(in.Date) > limit {
			stale = append(stale, in)
		}
	}
	return stale
}

// lockedInputs reads a lock file's JSON: the flake's own inputs, then what else there is,
// each once and by the shortest name.
func lockedInputs(locks gjson.Result) []LockedInput {
	nodes := objects(locks.Get("nodes"))
	root := locks.Get("root").String()
	type place struct{ within, key string }
	queue := []place{{"", root}}
	seen := map[string]bool{root: true}
	var all []LockedInput
	steps := maxSteps
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		direct := at.key == root
		refs := objects(nodes[at.key].Get("inputs"))
		for _, name := range slices.Sorted(maps.Keys(refs)) {
			if direct {
				steps = maxSteps // for all others together there is as much again
			}
			key := follow(nodes, root, refs[name], &steps)
			if key == "" || seen[key] && !direct {
				continue
			}
			full := at.within + name
			all = append(all, lockedInput(full, direct, nodes[key].Get("locked")))
			if !seen[key] {
				seen[key] = true
				queue = append(queue, place{full + "/", key})
			}
		}
	}
	return all
}

func lockedInput(name string, direct bool, l gjson.Result) LockedInput {
	in := LockedInput{
		Name: name, Direct: direct, Type: l.Get("type").String(), URL: lockedURL(l),
		Revision: l.Get("rev").String(), NarHash: l.Get("narHash").String(),
	}
	if s := l.Get("lastModified").Int(); s > 0 {
		in.Date = time.Unix(s, 0)
	}
	return in
}
