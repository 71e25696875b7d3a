package fleet

import (
	"context"
	"slices"

	"flakeops/activate"
	"flakeops/activate/closure"
	"flakeops/internal/limit"
	"flakeops/internal/settings"
	"flakeops/keys/message"
)

// Plan is what a deployment would change on a node's host.
type Plan struct {
	Survey      activate.Survey
	AgentThere  bool               // so that it can compare keys
	Difference  closure.Difference // from the running system; only if the new one is known
	CopyPaths   int
	CopyBytes   int64
	Reboot      []string // why the new system is whole after a reboot only
	Keys        []string // names of those that are written
	GoneKeys    []string // paths of those that are removed
	UnknownKeys int      // how many are there already, changed or not: no agent could compare them
}

// Known says whether the new system's closure is known.
func (p *Plan) Known() bool { return p.Survey.New != nil }

// Grows is by how many bytes the host's system grows.
func (p *Plan) Grows() int64 { return p.Survey.New.Size() - p.Survey.Running.Size() }

// Changes says whether a deployment would change anything on the host.
func (n *Node) Changes() bool {
	return !n.KnownFacts().UpToDate(n.run.Goal, n.System.Out) || len(n.Plan.Keys)+len(n.Plan.GoneKeys) > 0
}

// ReachAndCompare is Reach and Compare side by side, for there is no build to wait for.
func (n *Node) ReachAndCompare(ctx context.Context) error {
	if err := n.locate(ctx); err != nil {
		return err
	}
	n.run.background.Go(func() { _, _ = n.closure(ctx) }) // Compare tells of an error
	if _, err := n.Host(ctx); err != nil {
		return err
	}
	comparing, stop := context.WithCancel(ctx)
	defer stop()
	compared := make(chan error, 1)
	n.run.background.Go(func() { compared <- n.Compare(comparing) })
	err := n.Reach(ctx)
	if err != nil {
		stop()
	}
	if other := <-compared; err == nil {
		err = other
	}
	return err
}

// Compare finds out what a deployment would change on the node's host, keys apart.
// It builds nothing and changes nothing there.
func (n *Node) Compare(ctx context.Context) error {
	h, err := n.Host(ctx)
	if err != nil {
		return err
	}
	n.began(Comparing)
	ctx, cancel := limit.Within(ctx, surveyDeadline, "comparing the new system with the host's")
	defer cancel()
	local, err := n.closure(ctx)
	if err != nil {
		return limit.Because(ctx, err)
	}
	q := activate.Question{System: n.System.Out, New: local}
	if n.comparesKeys() {
		if q.Agent, err = n.agent(ctx); err != nil {
			return err
		}
	}
	s, err := activate.ReadSurvey(ctx, h.Root(), q)
	if err != nil {
		return limit.Because(ctx, err)
	}
	if s.Next == (activate.Parts{}) && local != nil {
		s.Next = activate.PartsOf(n.System.Out)
	}
	p := &Plan{Survey: s, AgentThere: q.Agent != "" && !s.Missing[q.Agent]}
	if p.Known() {
		p.Difference = closure.Compare(s.Running, s.New)
		p.Reboot = s.Booted.WantsReboot(s.Next)
		for path, size := range s.New {
			if s.Missing[path] {
				p.CopyPaths++
				p.CopyBytes += size
			}
		}
	}
	n.Plan = p
	return nil
}

// CompareDelivered completes the plan of a node that was delivered: its host may have
// built the system itself, and has the agent where agentThere.
func (n *Node) CompareDelivered(ctx context.Context, agentThere bool) error {
	if n.Plan == nil || !n.Plan.Known() {
		if err := n.Compare(ctx); err != nil {
			return err
		}
	}
	if n.comparesKeys() && !n.Plan.AgentThere && !agentThere {
		if err := n.BringAgent(ctx); err != nil {
			return err
		}
	}
	n.Plan.AgentThere = true
	return nil
}

// comparesKeys says whether a plan is to say which of the node's keys change.
func (n *Node) comparesKeys() bool { return n.run.Keys && len(n.Settings.Keys) > 0 }

// CompareKeys finds out which keys a deployment would write and remove. Where no agent
// is on the host that could compare them, only what the host's list of keys tells is
// known.
func (n *Node) CompareKeys(ctx context.Context) error {
	p, declared := n.Plan, n.Settings.Keys
	for _, path := range p.Survey.Keys {
		if n.run.Keys && !slices.ContainsFunc(declared, func(k settings.Key) bool { return k.Path() == path }) {
			p.GoneKeys = append(p.GoneKeys, path)
		}
	}
	if !n.comparesKeys() {
		return nil
	}
	defer func() { slices.Sort(p.Keys) }()
	if p.AgentThere {
		if err := n.CheckKeys(ctx); err != nil {
			return err
		}
		for name, state := range n.KeyStates {
			if state != message.Present {
				p.Keys = append(p.Keys, name)
			}
		}
		return nil
	}
	for _, k := range declared {
		if slices.Contains(p.Survey.Keys, k.Path()) {
			p.UnknownKeys++
		} else {
			p.Keys = append(p.Keys, k.Name)
		}
	}
	return nil
}
