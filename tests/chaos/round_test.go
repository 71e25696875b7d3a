package chaos

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"flakeops/tests/lab/host"
)

// The settings of every node.
const (
	activationTimeout = 10 // seconds
	confirmTimeout    = 6
)

// deadline is how long a run may take, all faults included, on a machine that has
// other things to do; hopeless is when it is killed.
const (
	deadline = 150 * time.Second
	hopeless = 200 * time.Second
)

// round is one plan being played.
type round struct {
	plan   plan
	pool   *pool
	hosts  []*resident
	before []seen
	runs   []*call
	fired  []bool   // of the plan's faults, which came to be
	marks  []string // what happened when
	broken []string // promises
	extra  string   // what else there is to tell of a broken round
	mu     sync.Mutex
	began  time.Time
}

func newRound(p *pool, of plan) *round {
	return &round{plan: of, pool: p, fired: make([]bool, len(of.faults))}
}

func (r *round) breaks(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = append(r.broken, fmt.Sprintf(format, args...))
}

func (r *round) mark(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.marks = append(r.marks, fmt.Sprintf("%6.2fs %s", time.Since(r.began).Seconds(), fmt.Sprintf(format, args...)))
}

// play takes the round from its beginning to its end.
func (r *round) play(ctx context.Context) {
	var suites []string
	for _, s := range r.plan.systems {
		suites = append(suites, s.suite)
	}
	r.hosts = r.pool.take(suites)
	defer func() { r.pool.give(r.hosts) }()
	dir, err := os.MkdirTemp(r.pool.dir, "round-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = r.prepare(ctx, dir)
	}
	r.began = time.Now()
	if err != nil {
		r.breaks("the round could not begin: %v", err)
		return
	}
	r.operate(ctx)
	r.heal(ctx)
	if r.settle(ctx) {
		r.check(ctx)
		r.afterwards(ctx, dir)
	}
	if len(r.broken) > 0 {
		r.extra = r.hostsTell(ctx)
	}
}

// prepare resets the hosts and writes the flakes.
func (r *round) prepare(ctx context.Context, dir string) error {
	var wg sync.WaitGroup
	failed := make([]error, len(r.hosts))
	for i, h := range r.hosts {
		wg.Go(func() { failed[i] = h.reset(ctx) })
	}
	wg.Wait()
	if err := errors.Join(failed...); err != nil {
		return err
	}
	for _, h := range r.hosts {
		s, err := look(ctx, h)
		if err != nil {
			return err
		}
		r.before = append(r.before, s)
	}
	versions := []string{"a"}
	if r.plan.action == both {
		versions = append(versions, "b")
	}
	for _, v := range versions {
		one, err := r.newRun(filepath.Join(dir, v), fmt.Sprintf("%d%s", r.plan.seed, v), r.plan.systems)
		if err != nil {
			return err
		}
		one.args = r.args(one)
		r.runs = append(r.runs, one)
	}
	return nil
}

// operate runs flakeops, and has the faults come meanwhile.
func (r *round) operate(ctx context.Context) {
	r.began = time.Now()
	around, over := context.WithCancel(ctx)
	var faults, running sync.WaitGroup
	for i, one := range r.runs {
		if i > 0 {
			time.Sleep(r.plan.second)
		}
		if !r.launch(ctx, one) {
			break
		}
		running.Go(func() { r.await(one) })
		if i > 0 {
			continue
		}
		for i, f := range r.plan.faults {
			faults.Go(func() { r.happen(around, ctx, i, f) })
		}
	}
	running.Wait()
	over()
	faults.Wait()
}

// happen waits for a fault's moment, and has it begin and end. The moment does
// not come when flakeops ends before.
func (r *round) happen(around, ctx context.Context, i int, f fault) {
	if !r.comes(around, f) {
		return
	}
	if err := r.begin(ctx, f); err != nil {
		r.mark("%s: %s failed: %v", names()[f.node], f.kind, err)
	}
	r.mark("%s: %s", names()[f.node], f.kind)
	r.fired[i] = true
	if f.lasts > 0 {
		select {
		case <-time.After(f.lasts):
			if err := r.end(ctx, f); err != nil {
				r.mark("%s: ending %s: %v", names()[f.node], f.kind, err)
			}
			r.mark("%s: %s is over", names()[f.node], f.kind)
		case <-around.Done():
		}
	}
}

// comes waits for a moment on the host itself, which is quickest.
func (r *round) comes(ctx context.Context, f fault) bool {
	words := map[moment]string{
		atStarted: `"kind":"started"`, atActivate: `"phase":"activating"`, atWait: `"phase":"waiting for confirm"`,
		atCommit: `"phase":"committing"`, atGoingBack: `"phase":"rolling back"`, atFinish: `"kind":"finished"`,
	}
	for f.at != atStart {
		_, err := r.hosts[f.node].Shell(ctx, "until grep -qs '"+words[f.at]+"' /run/flakeops/*/events.jsonl; do sleep 0.02; done")
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return false
		}
		sleep(ctx, 100*time.Millisecond) // it reboots
	}
	return sleep(ctx, f.after)
}

// sleep says whether it was not interrupted.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// heal ends all faults, for as long as that fails: first those for which a host is
// off.
func (r *round) heal(ctx context.Context) {
	var fired []fault
	for i, f := range r.plan.faults {
		switch {
		case r.fired[i] && f.kind == powerCut:
			fired = append([]fault{f}, fired...)
		case r.fired[i]:
			fired = append(fired, f)
		}
	}
	for _, f := range fired {
		r.eventually(ctx, "ending "+string(f.kind), func() error { return r.end(ctx, f) })
	}
	for _, h := range r.hosts {
		r.eventually(ctx, h.Name+" is up", func() error {
			short, cancel := context.WithTimeout(ctx, 20*time.Second)
			defer cancel()
			return h.WaitBoot(short, "")
		})
	}
	r.mark("healed")
}

// eventually waits until something succeeds.
func (r *round) eventually(ctx context.Context, what string, does func() error) bool {
	for end := time.Now().Add(patience); ; {
		err := does()
		if err == nil {
			return true
		}
		if time.Now().After(end) || !sleep(ctx, 200*time.Millisecond) {
			r.breaks("waited %s in vain: %s: %v", patience, what, err)
			return false
		}
	}
}

// settle waits until nothing is under way any more.
func (r *round) settle(ctx context.Context) bool {
	ok := true
	for i, h := range r.hosts {
		ok = r.eventually(ctx, names()[i]+" has settled", func() error {
			out, err := h.Shell(ctx, `systemctl list-units --all --plain --no-legend 'flakeops-*'
				for p in /proc/[0-9]*; do tr '\0' ' ' <$p/cmdline 2>/dev/null | grep -E '^/nix/store/[^ ]* agent '; done
				flock -n /run/flakeops/lock true 2>/dev/null || [ ! -e /run/flakeops/lock ] || echo locked`)
			var script *host.ScriptError
			if errors.As(err, &script) {
				err = nil
			}
			if err == nil && strings.TrimSpace(out) != "" {
				err = errors.New(out)
			}
			return err
		}) && ok
	}
	r.mark("settled")
	return ok
}

// afterwards deploys once more: whatever happened, the operator can go on, and
// what was cut short is completed and cleared away.
func (r *round) afterwards(ctx context.Context, dir string) {
	var systems []system
	for _, s := range r.plan.systems {
		systems = append(systems, system{suite: s.suite, user: s.user})
	}
	one, err := r.newRun(filepath.Join(dir, "a"), fmt.Sprintf("%dz", r.plan.seed), systems)
	if err != nil {
		r.breaks("preparing the next deployment: %v", err)
		return
	}
	one.args = []string{"deploy", "path:" + one.flake, "--json", "--activation-timeout", "40", "--confirm-timeout", "30"}
	if !r.launch(ctx, one) {
		return
	}
	r.await(one)
	if one.code != 0 {
		r.breaks("the next deployment: exit code %d\n%s", one.code, one.process.Stderr.String())
	}
	if !r.settle(ctx) {
		return
	}
	for i, h := range r.hosts {
		now, err := look(ctx, h)
		if err != nil {
			r.breaks("%v", err)
			continue
		}
		if all := []string{now.Running, now.Profile, now.Boot}; one.code == 0 && slices.ContainsFunc(all, func(s string) bool { return s != one.systems[i] }) {
			r.breaks("%s after the next deployment: running, profile and boot default %q, want %s", names()[i], all, one.systems[i])
		}
		r.checkRecords(i, now, false)
		r.checkLeft(i, now, false)
	}
	r.checkDeployer(one)
}

// codes are the exit codes, for one line.
func (r *round) codes() string {
	var all []string
	for _, one := range r.runs {
		all = append(all, fmt.Sprintf("%d in %.1fs", one.code, one.took.Seconds()))
	}
	what := map[string]bool{}
	for i, f := range r.plan.faults {
		if r.fired[i] {
			what[string(f.kind)] = true
		}
	}
	return strings.Join(all, ", ") + " (" + strings.Join(slices.Sorted(maps.Keys(what)), ", ") + ")"
}
