package cli

import (
	"context"

	"flakeops/activate/wire"
)

type planCmd struct {
	selection `embed:""`
	reach     `embed:""`
	nixFlags  `embed:""`
	answer    `embed:""`

	Parallel int  `short:"p" default:"10" placeholder:"N" help:"Hosts to copy to, and to ask, at once (default 10)."`
	Push     bool `help:"Build and copy the systems first, so that all can be told: what activation would stop and start, too."`
	NoKeys   bool `help:"Leave the keys out."`
}

// Help is the verb's detailed help.
func (planCmd) Help() string {
	return `Tells for each selected node what a deployment would change: packages that are added, removed, up- and downgraded, the room they take, what is to be copied, keys by their names, the default at boot, and whether only a reboot puts all of it to use. One line per node; -v tells the details.

Nothing changes on any host, and nothing is built: without --push the packages can be told of systems only that are built here or on the host already, and the line says so of the others. A node that fails keeps no other from being told of.

Exits with 0 when no host would change, and with 10 when one would.`
}

// Run plans.
func (c planCmd) Run(ctx context.Context, s *session) error {
	todo := plan{
		through: throughReach, goal: wire.Switch, surveys: true, planKeys: !c.NoKeys,
		visit: c.conclude, tell: planReport(s.verbose > 0),
	}
	if c.Push {
		todo.through = throughPush
	}
	return s.pipeline(ctx, pipelineFlags{c.selection, pace{c.Parallel, true}, c.reach, c.nixFlags, c.answer}, todo)
}

// conclude finds out what is left to find out about a node, and ends it.
func (c planCmd) conclude(ctx context.Context, p *pipeline, n *node) error {
	if c.Push {
		if err := p.afterPush(ctx, n); err != nil {
			return err
		}
	}
	if err := p.planKeysOf(ctx, n); err != nil {
		return err
	}
	d := n.plan
	if !d.known() {
		d.leftOut = append(d.leftOut, "packages, sizes and reboot: not built, run `flakeops build` for the package difference")
	}
	if !c.Push && n.facts.Running != n.system.Out {
		d.leftOut = append(d.leftOut, "units that stop and start: not asked without --push")
	}
	r := result{outcome: outcomeUpToDate, note: p.summary(n)}
	if p.changes(n) {
		r.outcome, r.code = outcomeChanges, exitChanges
	}
	p.end(n, r)
	return nil
}

// afterPush asks what only a host that has the system can answer.
func (p *pipeline) afterPush(ctx context.Context, n *node) error {
	if n.plan == nil || !n.plan.known() { // it was built on the host
		if err := p.survey(ctx, n); err != nil {
			return err
		}
	}
	if p.comparesKeys(n) && !n.plan.agentThere {
		if err := p.bringAgent(ctx, n); err != nil {
			return err
		}
		n.plan.agentThere = true
	}
	if n.facts.Running == n.system.Out {
		return nil
	}
	return p.askActivation(ctx, n)
}
