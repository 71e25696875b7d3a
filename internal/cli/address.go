package cli

import (
	"context"

	"flakeops/flake"
	"flakeops/internal/fault"
	"flakeops/internal/ui"
)

// locate refuses a node of which only its name says where it is, in a flake
// whose other outputs say where hosts are: it may be another machine.
func (p *pipeline) locate(ctx context.Context, n *node) error {
	if n.settings.Addressed || p.from != "" {
		return nil
	}
	others, err := p.addresses.Get(ctx, func(ctx context.Context) ([]flake.Other, error) {
		ctx, cancel := within(ctx, evaluateDeadline, "evaluation")
		defer cancel()
		others, err := p.source.Addresses(ctx)
		return others, because(ctx, err)
	})
	if err != nil {
		return err
	}
	return flake.Unsaid(n.name, others)
}

// warnOfAddresses says which of the nodes that are not addressed would be refused.
func (f *fleet) warnOfAddresses(ctx context.Context, u *ui.UI, unset []string) error {
	if len(unset) == 0 {
		return nil
	}
	ctx, cancel := within(ctx, evaluateDeadline, "evaluation")
	defer cancel()
	others, err := f.flake.Addresses(ctx)
	if err != nil {
		return fault.During(fault.Evaluation, because(ctx, err))
	}
	var told hints
	for _, name := range unset {
		if err := flake.Unsaid(name, others); err != nil {
			told.add(err)
			u.Warn(name + ": " + fault.Cause(err))
		}
	}
	told.tell(u)
	return nil
}
