package fleet_test

import (
	"context"
	"testing"
	"time"

	"flakeops/internal/fault"
	"flakeops/internal/fleet"
	"flakeops/internal/fleet/fleettest"
	"flakeops/internal/run"
)

// A host that does not answer costs its own deadline, and no other's answer.
func TestAskOfAHostThatHangs(t *testing.T) {
	r := (&fleettest.World{}).Run(t, fleet.Options{KeepGoing: true}, func(ctx context.Context, r *fleet.Run) {
		r.Each(ctx, fleet.AllAtOnce, func(ctx context.Context, n *fleet.Node) (fleet.Result, error) {
			began := time.Now()
			answer, err := fleet.Ask(ctx, n, func(ctx context.Context, _ run.Runner) (string, error) {
				if n.Name == "b" {
					return "yes", nil
				}
				<-ctx.Done()
				return "", ctx.Err()
			})
			if waited := time.Since(began); waited > 2*time.Minute {
				t.Errorf("%s was waited for %v", n.Name, waited)
			}
			return fleet.Result{Outcome: fleet.Checked, Note: answer}, err
		})
	}, "a", "b")
	if a := r.Node("a").Result(); a.Err == nil || fault.Of(a.Err) == fault.Interrupted {
		t.Errorf("%+v", a)
	}
	if b := r.Node("b").Result(); b.Outcome != fleet.Checked || b.Note != "yes" {
		t.Errorf("%+v", b)
	}
}
