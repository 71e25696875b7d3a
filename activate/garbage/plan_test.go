package garbage

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"flakeops/activate/inspect"
)

func system(n int) string {
	return fmt.Sprintf("/nix/store/%s-nixos-system-%d", strings.Repeat("a", 32), n)
}

// host has the generations 1 to 6, a day apart; 6 is the profile's, 5 was booted, 4 ran
// before, and 2 runs.
func host() (all []inspect.Generation, running, previous string) {
	for n := 6; n > 0; n-- {
		all = append(all, inspect.Generation{Number: n, System: system(n), Made: time.Unix(0, 0).Add(time.Duration(n) * 24 * time.Hour), Current: n == 6, Booted: n == 5})
	}
	return all, system(2), system(4)
}

func TestOf(t *testing.T) {
	for name, c := range map[string]struct {
		policy Policy
		want   []int
	}{
		"no rule":           {Policy{}, nil},
		"the newest":        {Policy{Keep: 1}, []int{3, 1}},
		"the newest four":   {Policy{Keep: 4}, []int{1}},
		"more than all":     {Policy{Keep: 9}, nil},
		"old ones":          {Policy{OlderThan: 5 * 24 * time.Hour}, []int{1}},
		"any age":           {Policy{OlderThan: time.Nanosecond}, []int{3, 1}},
		"both":              {Policy{Keep: 4, OlderThan: 3 * 24 * time.Hour}, []int{1}},
		"both, age decides": {Policy{Keep: 1, OlderThan: 6 * 24 * time.Hour}, nil},
	} {
		all, running, previous := host()
		p := Of(c.policy, all, running, previous, time.Unix(0, 0).Add(6*24*time.Hour))
		var got []int
		for _, g := range p.Go {
			got = append(got, g.Number)
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) || p.Kept != 6-len(got) || p.Current != 6 || p.Running != system(2) {
			t.Errorf("%s: %v go, want %v; %+v", name, got, c.want, p)
		}
	}
}

// Generations of systems that are needed stay, too, whatever their number.
func TestOfKeepsOtherGenerationsOfWhatRuns(t *testing.T) {
	all, running, previous := host()
	all[5].System = system(2)
	if p := Of(Policy{Keep: 1}, all, running, previous, time.Now()); len(p.Go) != 1 || p.Go[0].Number != 3 {
		t.Errorf("%+v", p.Go)
	}
}

func TestFreed(t *testing.T) {
	for text, want := range map[string]Freed{
		"finding garbage collector roots...\n12 store paths deleted, 3.45 MiB freed\n": {12, "3.45 MiB"},
		"0 store paths deleted, 0.00 MiB freed":                                        {0, "0.00 MiB"},
		"note: 9 store paths deleted":                                                  {},
		"":                                                                             {},
	} {
		if got := freed(text); got != want {
			t.Errorf("%q: %+v", text, got)
		}
	}
}
