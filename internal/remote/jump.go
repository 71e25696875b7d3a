package remote

import (
	"context"
	"fmt"
	"strings"

	"flakeops/internal/remote/resolve"
)

// maxJumps bounds a chain of jump hosts; a longer one is a loop in ssh_config.
const maxJumps = 8

// jump connects to the last of a list of jump hosts. As with OpenSSH, the first
// is reached as its own configuration says, each other one over the one before
// it, and of the command line only the configuration file holds for them.
func (d *Dialer) jump(ctx context.Context, node string, dst resolve.Destination, list string, depth int) (*link, error) {
	hops := strings.Split(list, ",")
	if depth+len(hops) > maxJumps {
		return nil, fmt.Errorf("%s: more than %d jump hosts on the way; ProxyJump of ssh_config seems to lead back to itself", node, maxJumps)
	}
	var l *link
	for n, hop := range hops {
		at, err := resolve.ParseHop(hop)
		if err != nil {
			return nil, fmt.Errorf("%s: ProxyJump %q: %w", node, hop, err)
		}
		at.Before = resolve.Inherited(dst.Before)
		next, err := d.hop(ctx, node, at, l, depth+len(hops)-n)
		if err != nil {
			if l != nil {
				l.close()
			}
			return nil, fmt.Errorf("jump host %s: %w", at.Host, err)
		}
		l = next
	}
	return l, nil
}

func (d *Dialer) hop(ctx context.Context, node string, at resolve.Destination, via *link, depth int) (*link, error) {
	if via == nil {
		return d.connect(ctx, node, at, depth)
	}
	c, err := d.Resolver.Resolve(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", node, err)
	}
	return d.open(ctx, node, c, via)
}
