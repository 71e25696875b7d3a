package remote

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"

	"flakeops/internal/hostname"
)

// maxJumps bounds a chain of jump hosts; a longer one is a loop in ssh_config.
const maxJumps = 8

// jump connects to the last of a list of jump hosts. As with OpenSSH, the first
// is reached as its own configuration says, each other one over the one before
// it, and of the command line only the configuration file holds for them.
func (d *Dialer) jump(ctx context.Context, node string, dst destination, list string, depth int) (*link, error) {
	hops := strings.Split(list, ",")
	if depth+len(hops) > maxJumps {
		return nil, fmt.Errorf("%s: more than %d jump hosts on the way; ProxyJump of ssh_config seems to lead back to itself", node, maxJumps)
	}
	var l *link
	for n, hop := range hops {
		at, err := parseHop(hop)
		if err != nil {
			return nil, fmt.Errorf("%s: ProxyJump %q: %w", node, hop, err)
		}
		at.Before = inherited(dst.Before)
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

func (d *Dialer) hop(ctx context.Context, node string, at destination, via *link, depth int) (*link, error) {
	if via == nil {
		return d.connect(ctx, node, at, depth)
	}
	c, err := d.resolve(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", node, err)
	}
	return d.open(ctx, node, c, via)
}

// parseHop reads [user@]host[:port], as ProxyJump has it; ssh -G prints an
// ssh:// address in that form, too.
func parseHop(s string) (destination, error) {
	var at destination
	s = strings.TrimPrefix(strings.TrimSpace(s), "ssh://")
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		at.User, s = s[:i], s[i+1:]
		if err := validName(at.User); err != nil {
			return at, fmt.Errorf("user name %w", err)
		}
	}
	at.Host = s
	if host, port, err := net.SplitHostPort(s); err == nil {
		at.Host = host
		if at.Port, err = strconv.Atoi(port); err != nil || at.Port < 1 || at.Port > 65535 {
			return at, fmt.Errorf("port %q is not from 1 to 65535", port)
		}
	}
	at.Host = strings.Trim(at.Host, "[]")
	if !hostname.Plain(at.Host) {
		return at, fmt.Errorf("%q cannot be a host name", at.Host)
	}
	return at, nil
}
