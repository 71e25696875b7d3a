package resolve

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"flakeops/internal/sshname"
)

// ParseHop reads [user@]host[:port], as ProxyJump has it; ssh -G prints an
// ssh:// address in that form, too.
func ParseHop(s string) (Destination, error) {
	var at Destination
	s = strings.TrimPrefix(strings.TrimSpace(s), "ssh://")
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		at.User, s = s[:i], s[i+1:]
		if !sshname.User(at.User) {
			return at, fmt.Errorf("%q cannot be a user name", at.User)
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
	if !sshname.Plain(at.Host) {
		return at, fmt.Errorf("%q cannot be a host name", at.Host)
	}
	return at, nil
}
