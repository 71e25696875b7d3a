package fleet_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"flakeops/activate"
	"flakeops/flake/store"
	"flakeops/internal/fleet"
	"flakeops/internal/fleet/fleettest"
)

func build(ctx context.Context, r *fleet.Run) {
	r.Each(ctx, fleet.AllAtOnce, func(ctx context.Context, n *fleet.Node) (fleet.Result, error) {
		return fleet.Result{Outcome: fleet.Built}, n.Built(ctx)
	})
}

func deliver(ctx context.Context, r *fleet.Run) {
	r.Each(ctx, fleet.AllAtOnce, func(ctx context.Context, n *fleet.Node) (fleet.Result, error) {
		return fleet.Result{Outcome: fleet.Pushed}, n.Deliver(ctx, fleet.Delivery{})
	})
}

// A node that is slow to evaluate holds up neither the build of another nor its push.
func TestANodeIsBuiltAndPushedWhileAnotherIsEvaluated(t *testing.T) {
	w := &fleettest.World{}
	w.OnEvaluate = func(node string) {
		if node == "slow" {
			time.Sleep(time.Minute)
			for _, entry := range []string{"dial a", "built a", "push a 1"} {
				if !w.Did(entry) {
					t.Errorf("%q waited for another node's evaluation: %q", entry, w.Journal())
				}
			}
		}
	}
	r := w.Run(t, fleet.Options{}, deliver, "a", "slow")
	for _, n := range r.Nodes {
		if n.Result().Outcome != fleet.Pushed {
			t.Errorf("%s: %s", n.Name, n.Result())
		}
	}
	w.Index(t, "push slow 1")
}

// What is asked for at about the same time is built by one nix, which shares what the
// nodes have in common.
func TestBuildsAreGathered(t *testing.T) {
	for name, each := range map[string]time.Duration{"at once": 0, "one after the other": 500 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			w := &fleettest.World{OnEvaluate: func(string) { time.Sleep(each) }}
			w.Run(t, fleet.Options{Local: true}, build, "a", "b", "c")
			if first := w.Index(t, "built a"); w.Index(t, "build a") > first || w.Index(t, "build b") > first || w.Index(t, "build c") > first {
				t.Errorf("%q", w.Journal())
			}
		})
	}
}

// A long build that began early does not hold up those that came after it.
func TestABuildDoesNotWaitForAnEarlierOne(t *testing.T) {
	w := &fleettest.World{}
	w.OnEvaluate = func(node string) {
		if node == "b" {
			time.Sleep(10 * time.Second)
		}
	}
	w.OnBuild = func(node string) {
		if node == "a" {
			time.Sleep(time.Hour)
		}
	}
	w.Run(t, fleet.Options{Local: true}, build, "a", "b", "c")
	if w.Index(t, "built c") > w.Index(t, "built a") {
		t.Errorf("%q", w.Journal())
	}
}

// Nobody waits for a build because of a host, nor for a host because of a build.
func TestAFailedBuildEndsTheDial(t *testing.T) {
	w := &fleettest.World{BuildErr: map[string]error{"a": &store.BuildError{Node: "a"}}}
	w.OnDial = func(ctx context.Context) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	r := w.Run(t, fleet.Options{}, deliver, "a")
	if res := r.Nodes[0].Result(); res.Outcome != fleet.BuildFailed {
		t.Errorf("%s", res)
	}
}

// A host that has the system already does not wait for it to be here.
func TestNobodyWaitsForTheBuildOfAHostThatIsUpToDate(t *testing.T) {
	there := fleettest.OldFacts()
	there.Running = fleettest.System("a")
	w := &fleettest.World{Facts: map[string]activate.Facts{"a": there}, OnBuild: func(string) { time.Sleep(time.Hour) }}
	o := fleet.Options{Done: func(f activate.Facts, system string) bool { return f.Running == system }}
	r := w.Run(t, o, func(ctx context.Context, r *fleet.Run) {
		began := time.Now()
		r.Each(ctx, fleet.AllAtOnce, func(ctx context.Context, n *fleet.Node) (fleet.Result, error) {
			return fleet.Result{}, n.Deliver(ctx, fleet.Delivery{})
		})
		if waited := time.Since(began); waited > time.Minute {
			t.Errorf("waited for %s", waited)
		}
	}, "a")
	if res := r.Nodes[0].Result(); res.Outcome != fleet.UpToDate {
		t.Errorf("%s", res)
	}
}

// With an interruption everything ends, and every node is said to have.
func TestAnInterruptionEndsEveryWait(t *testing.T) {
	for name, hang := range map[string]func(*fleettest.World){
		"evaluation": func(w *fleettest.World) { w.OnEvaluate = func(string) { w.Interrupt() } },
		"build":      func(w *fleettest.World) { w.OnBuild = func(string) { w.Interrupt() } },
		"push":       func(w *fleettest.World) { w.OnPush = func(string) { w.Interrupt() } },
	} {
		t.Run(name, func(t *testing.T) {
			w := &fleettest.World{}
			hang(w)
			r := w.Run(t, fleet.Options{Parallel: 1}, deliver, "a", "b")
			var ends []string
			for _, e := range w.Events() {
				if e.Kind == fleet.Ended {
					ends = append(ends, e.Node)
				}
			}
			slices.Sort(ends)
			if !slices.Equal(ends, []string{"a", "b"}) {
				t.Errorf("ends told: %q", ends)
			}
			if !slices.ContainsFunc(r.Nodes, func(n *fleet.Node) bool { return n.Result().Outcome == fleet.Interrupted }) {
				t.Errorf("%s, %s", r.Nodes[0].Result(), r.Nodes[1].Result())
			}
		})
	}
}

// The engine has data to tell, and leaves the words to those who listen.
func TestEventsTellTheWayOfANode(t *testing.T) {
	w := &fleettest.World{}
	w.Run(t, fleet.Options{}, deliver, "a")
	var way []string
	for _, e := range w.Events() {
		if e.Time.IsZero() || e.Node != "a" {
			t.Errorf("%+v", e)
		}
		way = append(way, string(e.Step)+" "+string(e.Kind))
	}
	text := strings.Join(way, ", ")
	for _, want := range []string{"evaluate began", "evaluate completed", "build began", "connect began", "build completed", "push began", "push progress", " ended"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %s", want, text)
		}
	}
}
