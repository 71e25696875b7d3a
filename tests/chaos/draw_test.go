package chaos

import (
	"math/rand/v2"
	"slices"
	"time"

	"flakeops/tests/lab/host"
)

// weighed is a thing that is drawn the more often the higher its weight.
type weighed[T any] struct {
	weight int
	thing  T
}

func pick[T any](r *rand.Rand, of []weighed[T]) T {
	sum := 0
	for _, w := range of {
		sum += w.weight
	}
	n := r.IntN(sum)
	for _, w := range of {
		if n -= w.weight; n < 0 {
			return w.thing
		}
	}
	panic("weights do not add up")
}

// draw makes the plan of a seed.
func draw(seed uint64) plan {
	r := rand.New(rand.NewPCG(seed, 8))
	p := plan{seed: seed}
	p.action = pick(r, []weighed[action]{
		{34, deploys}, {9, boots}, {9, tries}, {4, dries}, {16, takesBack},
		{6, rebootsNew}, {6, sendsKeys}, {6, reboots}, {10, both},
	})
	nodes := pick(r, []weighed[int]{{7, 1}, {2, 2}, {1, 3}})
	if p.action == takesBack {
		nodes = max(nodes, 2)
	}
	for i := range nodes {
		p.systems = append(p.systems, drawSystem(r, p, i))
	}
	p.keep = nodes > 1 && p.action != takesBack && r.IntN(3) == 0
	if p.action == both {
		p.second = milliseconds(r, 4000)
	}
	for range pick(r, []weighed[int]{{3, 1}, {2, 2}}) {
		f := drawFault(r, p)
		p.faults = append(p.faults, f)
		p.leadTo(r, f)
	}
	return p
}

// leadTo changes the node's new system where a fault's moment would not come.
func (p plan) leadTo(r *rand.Rand, f fault) {
	s := &p.systems[f.node]
	fails := slices.ContainsFunc(s.wrong, func(w string) bool { return w != "slow" && w != "kill-connections" })
	switch {
	case f.at == atGoingBack && !fails && p.action == boots:
		s.wrong = append(s.wrong, "bootloader-fails")
	case f.at == atGoingBack && (!fails || p.action == tries && slices.Contains(s.wrong, "bootloader-fails")):
		own := []weighed[string]{{3, "activation-fails"}, {2, "drop-new"}, {1, "drop-packets"}}
		if p.action != tries {
			own = append(own, weighed[string]{2, "bootloader-fails"})
		}
		s.wrong = append(s.wrong, pick(r, own))
	case (f.at == atWait || f.at == atCommit) && fails && !p.goesBack(f.node):
		s.wrong = []string{"slow"}
	}
}

// goesBack says whether a fault waits for the node to go back.
func (p plan) goesBack(node int) bool {
	return slices.ContainsFunc(p.faults, func(f fault) bool { return f.node == node && f.at == atGoingBack })
}

func drawSystem(r *rand.Rand, p plan, i int) system {
	s := system{
		suite: pick(r, []weighed[string]{{2, "bookworm"}, {1, "trixie"}, {1, "sid"}}),
		user:  pick(r, []weighed[string]{{3, "root"}, {2, "ops"}}),
	}
	for p.has(s.suite) >= perSuite { // there are no more hosts of it
		suites := host.Suites()
		s.suite = suites[(slices.Index(suites, s.suite)+1)%len(suites)]
	}
	s.keys = p.action == sendsKeys || r.IntN(4) == 0
	if p.action == sendsKeys || p.action == reboots || p.action == dries {
		return s
	}
	if r.IntN(4) > 0 {
		s.wrong = append(s.wrong, "slow")
	}
	healthy := 11
	if p.action == takesBack && i == 0 {
		healthy = 1 // something has to fail
	}
	if own := pick(r, []weighed[string]{
		{healthy, ""}, {1, "activation-fails"}, {1, "unit-fails"}, {2, "drop-new"}, {1, "stop-sshd"},
		{1, "kill-connections"}, {1, "bootloader-fails"}, {1, "drop-packets"},
	}); own != "" {
		s.wrong = append(s.wrong, own)
	}
	return s
}

// has says how many systems are for hosts of that suite.
func (p plan) has(suite string) int {
	n := 0
	for _, s := range p.systems {
		if s.suite == suite {
			n++
		}
	}
	return n
}

func drawFault(r *rand.Rand, p plan) fault {
	f := fault{node: r.IntN(len(p.systems))}
	kinds := []weighed[kind]{
		{6, linkCut}, {4, linkLossy}, {6, powerCut}, {4, killDeployer}, {3, interrupt}, {1, interruptTwice},
		{3, diskFull}, {3, runFull}, {3, lockByRoot}, {3, lockByUser}, {2, sshdStopped}, {2, sessionsKilled},
	}
	moments := []weighed[moment]{{3, atStart}, {2, atStarted}, {4, atGoingBack}, {1, atFinish}}
	switch p.action {
	case dries, sendsKeys, reboots:
		moments = []weighed[moment]{{1, atStart}}
	case boots, rebootsNew:
		moments = append(moments, weighed[moment]{5, atCommit})
	case tries:
		moments = append(moments, weighed[moment]{5, atActivate}, weighed[moment]{4, atWait})
	default:
		moments = append(moments, weighed[moment]{5, atActivate}, weighed[moment]{4, atWait}, weighed[moment]{4, atCommit})
	}
	f.at = pick(r, moments)
	if f.at == atStart && (p.action == dries || p.action == sendsKeys) {
		f.after = milliseconds(r, 1800)
	} else if f.at == atStart {
		f.after = milliseconds(r, 3000)
	} else {
		f.after = milliseconds(r, pick(r, []weighed[int]{{3, 50}, {3, 400}, {1, 1500}}))
		kinds = append(kinds, []weighed[kind]{
			{5, killAgent}, {4, killUnit}, {3, killStorm}, {2, stopUnit}, {2, stopTimers}, {2, freeze}, {2, bootFull}, {2, bootReadOnly},
		}...)
	}
	f.kind = pick(r, kinds)
	f.lasts = pick(r, []weighed[time.Duration]{{2, time.Second}, {2, 4 * time.Second}, {2, 12 * time.Second}, {2, 0}})
	if f.lasts == 0 && (f.kind == freeze || f.kind == lockByRoot) {
		f.lasts = 15 * time.Second // a host waits for root, and a deployer for the host, for minutes
	}
	return f
}

// milliseconds is a time below so many.
func milliseconds(r *rand.Rand, below int) time.Duration {
	return time.Duration(r.IntN(below)) * time.Millisecond
}
