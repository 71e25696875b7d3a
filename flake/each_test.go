package flake

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"flakeops/flake/nix"
	"flakeops/flake/nix/nixtest"
	"flakeops/internal/run"
)

// counting is a nix that counts how many of it run at once. Each waits a moment
// for one too many.
type counting struct {
	rss                int64
	running, most      atomic.Int64
	ended, mostIfEnded atomic.Int64
}

func (c *counting) Run(context.Context, run.Command) (run.Result, error) {
	n, ended := c.running.Add(1), c.ended.Load() > 0
	for deadline := time.Now().Add(20 * time.Millisecond); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		n = max(n, c.running.Load())
	}
	c.most.Store(max(c.most.Load(), n))
	if ended {
		c.mostIfEnded.Store(max(c.mostIfEnded.Load(), n))
	}
	c.running.Add(-1)
	c.ended.Add(1)
	return run.Result{MaxRSS: c.rss}, nil
}

// No more evaluators than cores, and no more than fit into memory by the
// largest that was seen.
func TestEvaluatorsAreBounded(t *testing.T) {
	var names []string
	for i := range 4 * runtime.NumCPU() {
		names = append(names, fmt.Sprint(i))
	}
	for _, rss := range []int64{1 << 20, 1 << 50} {
		c := &counting{rss: rss}
		f := &Flake{URL: "x", nix: &nix.Programs{Runner: c}}
		if err := f.Evaluate(t.Context(), names, WithSystem, func(Evaluation) {}); err != nil {
			t.Fatal(err)
		}
		if got := int(c.most.Load()); got > runtime.NumCPU() {
			t.Errorf("%d at once on %d cores", got, runtime.NumCPU())
		}
		if got := c.mostIfEnded.Load(); rss == 1<<50 && available() > 0 && got > 1 {
			t.Errorf("%d at once of a size for which one is too many", got)
		}
		if got := int(c.ended.Load()); got != len(names) {
			t.Errorf("%d of %d ran", got, len(names))
		}
	}
}

// editing is the nix of this machine, which an editor waits for: when a call
// with some words has ended it changes the tree.
type editing struct {
	words string
	edit  func()
}

func (e editing) Run(ctx context.Context, c run.Command) (run.Result, error) {
	res, err := run.Local{}.Run(ctx, c)
	if strings.Contains(strings.Join(c.Argv, " "), e.words) {
		e.edit()
	}
	return res, err
}

// Whatever is read of a dirty tree, it is of the tree that was opened.
func TestEditsAreNoticedByWhateverReads(t *testing.T) {
	for words, reads := range map[string]func(ctx context.Context, f *Flake) error{
		").settings ": func(ctx context.Context, f *Flake) error {
			_, err := f.Validate(ctx, []string{"a"}, func(string) error { return nil })
			return err
		},
		").texts ": func(ctx context.Context, f *Flake) error {
			_, err := f.KeyTexts(ctx, "a", []string{"k"})
			return err
		},
		").node ": func(ctx context.Context, f *Flake) error {
			return f.Evaluate(ctx, []string{"a"}, WithSystem, func(Evaluation) {})
		},
	} {
		n, ctx := nixtest.Programs(t)
		dir := nixtest.Flake(t, `a = plain "a" // { config = (plain "a").config // { deployment.keys.k.text = "x"; }; };`)
		nixtest.Commit(t, dir)
		nixtest.Write(t, dir, "flake.nix", read(t, dir, "flake.nix")+"\n")
		n.Runner = editing{words, func() { nixtest.Write(t, dir, "flake.nix", read(t, dir, "flake.nix")+"\n") }}
		var changed *ChangedError
		if err := reads(ctx, open(t, n, ctx, dir)); !errors.As(err, &changed) {
			t.Errorf("%s: %v", words, err)
		}
	}
}
