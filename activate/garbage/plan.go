package garbage

import (
	"slices"
	"time"

	"flakeops/activate/inspect"
)

// Policy says which generations may go; the zero value lets none.
type Policy struct {
	Keep      int           // the newest so many stay; 0 for no such rule
	OlderThan time.Duration // only those that were made so long ago go; 0 for no such rule
}

// Plan is what is to go from a host, and what the host was like then.
type Plan struct {
	Go       []inspect.Generation // newest first
	Kept     int                  // generations that stay
	Current  int                  // generation of the profile, 0 for none
	Running  string               // system
	Previous string               // system that stays, too; "" for none
}

// Of makes the plan for a host with these generations, newest first. It never has the
// generation that the profile has, and none whose system runs, was booted, or is the
// previous one: what the host ran before, "" for unknown.
func Of(p Policy, generations []inspect.Generation, running, previous string, now time.Time) Plan {
	plan := Plan{Running: running, Previous: previous}
	safe := []string{running, previous}
	for _, g := range generations {
		if g.Current {
			plan.Current = g.Number
		}
		if g.Current || g.Booted {
			safe = append(safe, g.System)
		}
	}
	for i, g := range generations {
		stays := p.Keep == 0 && p.OlderThan == 0 || i < p.Keep || now.Sub(g.Made) < p.OlderThan
		if stays || g.Current || slices.Contains(safe, g.System) {
			plan.Kept++
		} else {
			plan.Go = append(plan.Go, g)
		}
	}
	return plan
}
