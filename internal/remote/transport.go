package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"flakeops/internal/remote/resolve"
)

// transport opens the byte stream that the SSH connection runs over.
func (a *attempt) transport(ctx context.Context, c *resolve.Config, via *link) (net.Conn, error) {
	switch {
	case via != nil:
		// What the jump host says about the far side ends with the link to it, so
		// the wait has to end with ctx.
		return via.client.DialContext(ctx, "tcp", c.Addr())
	case c.ProxyCmd != "" && c.UseFdpass:
		return nil, &resolve.ConfigError{Reason: "ProxyUseFdpass of ssh_config is not supported", Next: "let ProxyCommand pass the data itself"}
	case c.ProxyCmd != "":
		return proxy(c)
	}
	nd := net.Dialer{}
	if c.BindAddr != "" {
		local, err := net.ResolveIPAddr("ip", c.BindAddr)
		if err != nil {
			return nil, fmt.Errorf("BindAddress: %w", err)
		}
		nd.LocalAddr = &net.TCPAddr{IP: local.IP, Zone: local.Zone}
	}
	conn, err := nd.DialContext(ctx, c.Family, c.Addr())
	var unknown *net.DNSError
	if err == nil || !errors.As(err, &unknown) {
		return conn, err
	}
	for _, address := range a.Resolver.Addresses(ctx, c.Hostname) {
		if conn, err = nd.DialContext(ctx, c.Family, net.JoinHostPort(address, strconv.Itoa(c.Port))); err == nil {
			break
		}
	}
	return conn, err
}
