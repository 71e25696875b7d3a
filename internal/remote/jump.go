package remote

import (
	"context"
	"fmt"
	"strings"

	"flakeops/internal/fault"
	"flakeops/internal/remote/resolve"
)

// maxJumps bounds a chain of jump hosts; a longer one is a loop in ssh_config.
const maxJumps = 8

// jump connects to the last of a list of jump hosts. As with OpenSSH, the first
// is reached as its own configuration says, each other one over the one before
// it, and of the command line only the configuration file holds for them.
func (a *attempt) jump(ctx context.Context, dst resolve.Destination, list string, depth int) (*link, error) {
	hops := strings.Split(list, ",")
	if depth+len(hops) > maxJumps {
		return nil, &resolve.ConfigError{Reason: fmt.Sprintf("more than %d jump hosts on the way", maxJumps), Next: "ProxyJump of ssh_config seems to lead back to itself: correct it"}
	}
	var l *link
	for n, hop := range hops {
		at, err := resolve.ParseHop(hop)
		if err != nil {
			return nil, fault.During(fault.Usage, fmt.Errorf("ProxyJump %q: %w", hop, err))
		}
		at.Before = resolve.Inherited(dst.Before)
		next, err := a.hop(ctx, at, l, depth+len(hops)-n)
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

func (a *attempt) hop(ctx context.Context, at resolve.Destination, via *link, depth int) (*link, error) {
	if via == nil {
		return a.connect(ctx, at, depth)
	}
	c, err := a.Resolver.Resolve(ctx, at)
	if err != nil {
		return nil, err
	}
	return a.open(ctx, c, via)
}
