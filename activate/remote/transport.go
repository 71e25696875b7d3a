package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// transport opens the byte stream that the SSH connection runs over.
func (d *Dialer) transport(ctx context.Context, c *config, via *link) (net.Conn, error) {
	switch {
	case via != nil:
		// What the jump host says about the far side ends with the link to it, so
		// the wait has to end with ctx.
		return via.client.DialContext(ctx, "tcp", c.addr())
	case c.ProxyCmd != "" && c.UseFdpass:
		return nil, errors.New("ProxyUseFdpass of ssh_config is not supported; let ProxyCommand pass the data itself")
	case c.ProxyCmd != "":
		return d.proxy(c)
	}
	nd := net.Dialer{}
	if c.BindAddr != "" {
		local, err := net.ResolveIPAddr("ip", c.BindAddr)
		if err != nil {
			return nil, fmt.Errorf("BindAddress: %w", err)
		}
		nd.LocalAddr = &net.TCPAddr{IP: local.IP, Zone: local.Zone}
	}
	return nd.DialContext(ctx, c.Family, c.addr())
}
