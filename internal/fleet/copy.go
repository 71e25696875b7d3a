package fleet

import (
	"context"

	"flakeops/internal/archive"
	"flakeops/internal/limit"
)

// Copy copies files to the node's host, or from it to this machine, into a directory of
// the node's name.
func (n *Node) Copy(ctx context.Context, f archive.Files, from, asRoot bool) (archive.Count, error) {
	if err := n.locate(ctx); err != nil {
		return archive.Count{}, err
	}
	h, err := n.Host(ctx)
	if err != nil {
		return archive.Count{}, err
	}
	n.began(Copying)
	if from {
		c, err := archive.Fetch(ctx, as(h, asRoot), f, n.Name)
		return c, limit.Because(ctx, err)
	}
	c, err := archive.Send(ctx, as(h, asRoot), f)
	return c, limit.Because(ctx, err)
}
