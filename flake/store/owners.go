package store

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"flakeops/flake/nix"
)

// owners knows which node a derivation is built for.
type owners struct {
	nix   Local
	nodes []Job
	byDrv map[string]string // derivation to node, "" when shared; nil until asked for
}

func newOwners(n Local, nodes []Job) *owners { return &owners{nix: n, nodes: slices.Clone(nodes)} }

// of is the one node that needs drv, "" when several do or it is not known.
func (o *owners) of(ctx context.Context, drv string) string {
	if drv == "" {
		return ""
	}
	if len(o.nodes) == 1 {
		return o.nodes[0].Node
	}
	if o.byDrv == nil {
		o.load(ctx)
	}
	return o.byDrv[drv]
}

// load finds out what each node's system is built from. It is done only when
// something is built, and once: for large systems it takes a moment.
func (o *owners) load(ctx context.Context) {
	o.byDrv = map[string]string{}
	refs := newReferences()
	for _, n := range o.nodes {
		mark := func(drv string) {
			if owner, ok := o.byDrv[drv]; ok && owner != n.Node {
				o.byDrv[drv] = ""
			} else {
				o.byDrv[drv] = n.Node
			}
		}
		err := refs.closure(n.Drv, mark)
		if err != nil { // the store is elsewhere
			err = o.nix.requisites(ctx, n.Drv, mark)
		}
		if err != nil {
			o.nix.Log.Debug().Err(err).Str("node", n.Node).Msg("cannot tell what its system is built from")
		}
	}
}

// needs returns those of the derivations that node is built from, itself last.
func (o *owners) needs(ctx context.Context, node Job, drvs []string) ([]string, error) {
	var found []string
	err := o.nix.requisites(ctx, node.Drv, func(drv string) {
		if slices.Contains(drvs, drv) {
			found = append(found, drv)
		}
	})
	var exit *nix.ExitError
	if errors.As(err, &exit) {
		// The derivation is gone or broken; nix's last words will have to do.
		return nil, nil
	}
	return found, err
}

// requisites calls each with every derivation that drv is built from and drv
// itself. The list may have thousands of lines and is not kept.
func (n Local) requisites(ctx context.Context, drv string, each func(string)) error {
	return n.Stream(ctx, n.StoreArgv("--query", "--requisites", drv), func(line []byte) {
		if bytes.HasSuffix(line, []byte(".drv")) {
			each(string(line))
		}
	})
}
