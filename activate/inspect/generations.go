package inspect

import (
	"cmp"
	"context"
	_ "embed" // the script
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"flakeops/activate"
	"flakeops/internal/nixname"
	"flakeops/internal/run"
)

//go:embed generations.sh
var generationsScript string

// Generation is a generation of a host's profile.
type Generation struct {
	Number          int
	Made            time.Time // by the host's clock
	System          string    // what its link leads to, which need not be a store path
	Gone            bool      // nothing is there any more; of the following nothing is known
	Version                   // of the system
	Kernel          string    // version; "" for unknown
	Specialisations []string
	Current         bool // the profile's
	Booted          bool
}

// ReadGenerations asks the host behind r, for which any user will do. The newest comes first.
func ReadGenerations(ctx context.Context, r run.Runner) ([]Generation, error) {
	g := generationsReading{made: map[int]time.Time{}}
	facts, err := activate.Ask(ctx, r, tellScript+generationsScript, nil, g.take)
	if err != nil {
		return nil, err
	}
	for i := range g.all {
		is := &g.all[i]
		is.Made = g.made[is.Number]
		is.Current = is.Number == facts.Generation
		is.Booted = !is.Gone && is.System != "" && is.System == facts.Booted
	}
	slices.SortFunc(g.all, func(a, b Generation) int { return cmp.Compare(b.Number, a.Number) })
	return g.all, nil
}

// Usable says why a generation's system cannot be activated; nil where it can.
func (g Generation) Usable() error {
	switch {
	case g.Gone:
		return fmt.Errorf("generation %d leads to %q, which is not there any more", g.Number, g.System)
	case !nixname.IsStorePath(g.System):
		return fmt.Errorf("generation %d leads to %q, which is not a store path", g.Number, g.System)
	}
	return nil
}

// generationsReading is a host's generations while they are read.
type generationsReading struct {
	all  []Generation
	made map[int]time.Time
}

func (g *generationsReading) take(name, value string) error {
	switch name {
	case "made":
		when, link, _ := strings.Cut(value, " ")
		at, err := seconds(when)
		if err != nil {
			return fmt.Errorf("a generation was made at %.40q", when)
		}
		n := nixname.Generation(link)
		if g.made[n] = at; n == 0 {
			return fmt.Errorf("%.300q is no generation", link)
		}
		return nil
	case "number":
		n, err := number(value)
		g.all = append(g.all, Generation{Number: n})
		return err
	}
	if len(g.all) == 0 {
		return unknown(name)
	}
	is := &g.all[len(g.all)-1]
	switch name {
	case "system":
		is.System = value
	case "gone":
		is.System, is.Gone = value, true
	case "label", "says":
		is.Version.take(name, value)
	case "kernel":
		is.Kernel = value
	case "specialisation":
		is.Specialisations = append(is.Specialisations, value)
	default:
		return unknown(name)
	}
	return nil
}

func number(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("a generation has the number %.40q", s)
	}
	return n, nil
}

// MarshalJSON has the fields of `nixos-rebuild list-generations --json`, and what it
// says of what is not known; then ours.
func (g Generation) MarshalJSON() ([]byte, error) {
	said := func(s string) string { return cmp.Or(s, "Unknown") }
	return json.Marshal(struct {
		Generation            int      `json:"generation"`
		Date                  string   `json:"date"`
		NixosVersion          string   `json:"nixosVersion"`
		KernelVersion         string   `json:"kernelVersion"`
		ConfigurationRevision string   `json:"configurationRevision"`
		Specialisations       []string `json:"specialisations"`
		Current               bool     `json:"current"`

		System string `json:"system"`
		Booted bool   `json:"booted"`
		Gone   bool   `json:"gone,omitempty"`
	}{
		g.Number, g.Made.UTC().Format(time.RFC3339), said(g.NixOS), said(g.Kernel), said(g.Configuration),
		append([]string{}, g.Specialisations...), g.Current, g.System, g.Booted, g.Gone,
	})
}
