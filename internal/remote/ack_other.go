//go:build !linux

package remote

import "net"

// acknowledger returns nil: other systems have no such option.
func acknowledger(net.Conn) func() { return nil }
