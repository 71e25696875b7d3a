package agent

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"flakeops/activate/agent/history"
	"flakeops/activate/wire"

	"flakeops/internal/onhost"
)

// root keeps old, new and the agent from the garbage collector while the
// deployment runs.
func (d *deployment) root(old before) error {
	dir := d.agent.layout.roots()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("rooting the systems: %w", err)
	}
	for what, path := range map[string]string{
		"old": old.Running, "profile": old.Profile, "new": d.req.System, "agent": d.req.Agent,
	} {
		if path == "" {
			continue
		}
		if err := os.Symlink(path, filepath.Join(dir, d.req.ID+"."+what)); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("rooting the systems: %w", err)
		}
	}
	return nil
}

// unroot lets go of a deployment's systems.
func (a *agent) unroot(id string) {
	names, _ := filepath.Glob(filepath.Join(a.layout.roots(), id+".*"))
	for _, n := range names {
		_ = os.Remove(n)
	}
}

// sweep forgets what earlier deployments left: roots of those that failed to
// roll back or that a power cut ended, all but the newest event logs, and the oldest
// records. The caller holds the lock and has settled every unfinished deployment.
func (a *agent) sweep(except string) {
	const keep = 8 // a deployer may still be reading the last ones
	roots, _ := os.ReadDir(a.layout.roots())
	for _, r := range roots {
		if !strings.HasPrefix(r.Name(), except+".") {
			_ = os.Remove(filepath.Join(a.layout.roots(), r.Name()))
		}
	}
	ids := a.deployments()
	for i, id := range ids {
		if i < len(ids)-keep && id != except {
			_ = os.RemoveAll(a.layout.deployment(id))
		}
	}
	_ = history.Trim(a.layout.records())
}

// deployments lists the IDs this boot knows, in the order in which they were started
// here: the IDs go by the clocks of their deployers.
func (a *agent) deployments() []string {
	entries, _ := os.ReadDir(a.layout.runDir())
	var ids []string
	started := map[string]time.Time{}
	for _, e := range entries {
		if id := e.Name(); e.IsDir() && wire.ValidID(id) {
			ids = append(ids, id)
			if fi, err := os.Stat(a.layout.request(id)); err == nil {
				started[id] = fi.ModTime()
			}
		}
	}
	slices.SortStableFunc(ids, func(a, b string) int { return started[a].Compare(started[b]) })
	return ids
}

// markLeft remembers that the system that runs now did not come up well, or that
// nobody confirmed it: deploying it once more is then not only a commit. It is
// forgotten when a system has come up well instead.
func (a *agent) markLeft(final wire.Event) error {
	switch final.Outcome {
	case wire.LeftBroken, wire.RollbackFailed:
		running, err := readSystem(a.layout.currentSystem())
		if err != nil {
			running = final.New
		}
		return onhost.WriteFile(a.layout.left(), []byte(running))
	case wire.Deployed, wire.Tested:
		if err := os.Remove(a.layout.left()); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
