package cli

import (
	"context"
	"fmt"
	"slices"

	"flakeops/activate"
	"flakeops/activate/closure"
	"flakeops/internal/settings"
	"flakeops/keys"
	"flakeops/keys/message"
)

// planned is what a deployment would change on a node's host. What could not be
// found out is in leftOut.
type planned struct {
	survey     activate.Survey
	agentThere bool
	difference closure.Difference // from the running system; only if the new one is known
	copyPaths  int
	copyBytes  int64
	reboot     []string // why the new system is whole after a reboot only
	keys       []string // names of those that are written
	goneKeys   []string // paths of those that are removed
	leftOut    []string
}

// known says whether the new system's closure is known.
func (d *planned) known() bool { return d.survey.New != nil }

// grows is by how many bytes the host's system grows.
func (d *planned) grows() int64 { return d.survey.New.Size() - d.survey.Running.Size() }

// survey finds out what a deployment would change on the node's host, keys apart.
// It builds nothing and changes nothing there.
func (p *pipeline) survey(ctx context.Context, n *node) error {
	p.screen.Status(n.name, "comparing")
	ctx, cancel := within(ctx, surveyDeadline, "comparing the new system with the host's")
	defer cancel()
	local, err := n.closure(ctx, p.store)
	if err != nil {
		return because(ctx, err)
	}
	q := activate.Question{System: n.system.Out, New: local}
	if p.comparesKeys(n) {
		if q.Agent, err = p.agents.path(ctx, n.platform()); err != nil {
			return because(ctx, err)
		}
	}
	s, err := n.host.Survey(ctx, q)
	if err != nil {
		return because(ctx, err)
	}
	d := &planned{survey: s, agentThere: q.Agent != "" && !s.Missing[q.Agent]}
	if s.Next == (activate.Parts{}) && local != nil {
		s.Next = activate.PartsOf(n.system.Out)
	}
	if d.known() {
		d.difference = closure.Compare(s.Running, s.New)
		d.reboot = s.Booted.WantsReboot(s.Next)
		for path, size := range s.New {
			if s.Missing[path] {
				d.copyPaths++
				d.copyBytes += size
			}
		}
	}
	n.plan = d
	return nil
}

// closure is that of the node's system in the local store, nil when it is not
// built. It is asked for once, so only when no build can change the answer.
func (n *node) closure(ctx context.Context, of store) (map[string]int64, error) {
	return n.local.Get(ctx, func(ctx context.Context) (map[string]int64, error) { return of.Closure(ctx, n.system.Out) })
}

// comparesKeys says whether a plan is to say which of the node's keys change.
func (p *pipeline) comparesKeys(n *node) bool { return p.planKeys && len(n.settings.Keys) > 0 }

// planKeysOf finds out which keys a deployment would write and remove. Where no agent
// is on the host that could compare them, only what the host's list of keys
// tells is known.
func (p *pipeline) planKeysOf(ctx context.Context, n *node) error {
	d, declared := n.plan, n.settings.Keys
	for _, path := range d.survey.Keys {
		if p.planKeys && !slices.ContainsFunc(declared, func(k settings.Key) bool { return k.Path() == path }) {
			d.goneKeys = append(d.goneKeys, path)
		}
	}
	if !p.comparesKeys(n) {
		return nil
	}
	if d.agentThere {
		return p.askForKeys(ctx, n)
	}
	unknown := 0
	for _, k := range declared {
		if slices.Contains(d.survey.Keys, k.Path()) {
			unknown++
		} else {
			d.keys = append(d.keys, k.Name)
		}
	}
	slices.Sort(d.keys)
	if unknown > 0 {
		d.leftOut = append(d.leftOut, fmt.Sprintf("whether %s: the agent that compares them is not on the host (--push brings it)",
			count(unknown, "key", "changed")))
	}
	return nil
}

// askForKeys has the agent on the host compare the keys' digests.
func (p *pipeline) askForKeys(ctx context.Context, n *node) error {
	if n.values == nil {
		if err := p.readAll(ctx, n); err != nil {
			return err
		}
	}
	reply, err := p.tellKeys(ctx, n, keys.Compose(message.Check, n.values))
	if err != nil {
		return err
	}
	for name, state := range reply.States {
		if state != message.Present {
			n.plan.keys = append(n.plan.keys, name)
		}
	}
	slices.Sort(n.plan.keys)
	return nil
}

// changes says whether a deployment would change anything on the host.
func (p *pipeline) changes(n *node) bool {
	return !n.facts.UpToDate(p.goal, n.system.Out) || len(n.plan.keys)+len(n.plan.goneKeys) > 0
}
