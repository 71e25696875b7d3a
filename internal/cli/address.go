package cli

import (
	"context"
	"sync"

	"flakeops/flake"
	"flakeops/internal/fault"
	"flakeops/internal/ui"
)

// addresses are the outputs by which a flake tells other tools where hosts are,
// read when first asked for.
type addresses struct {
	once  sync.Once
	found []flake.Other
	err   error
}

// locate refuses a node of which only its name says where it is, in a flake
// whose other outputs say where hosts are: it may be another machine.
func (p *pipeline) locate(ctx context.Context, n *node) error {
	if n.settings.Addressed || p.from != "" {
		return nil
	}
	a := &p.addresses
	a.once.Do(func() {
		ctx, cancel := within(ctx, evaluateDeadline, "evaluation")
		defer cancel()
		a.found, a.err = p.source.Addresses(ctx)
		a.err = because(ctx, a.err)
	})
	if a.err != nil {
		return a.err
	}
	return flake.Unsaid(n.name, a.found)
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
