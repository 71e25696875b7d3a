// Package hostname says what may be the name of a host. A name is read by ssh,
// by the shell of a ProxyCommand, and as a pattern in known_hosts, so it has no
// character that means something to one of them. flake/schema.nix has the same
// rules; a test holds the two together.
package hostname

import (
	"errors"
	"regexp"
	"strings"
)

var (
	host    = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
	withEnd = regexp.MustCompile(`^[^:]*:[0-9]+$`)
	digits  = regexp.MustCompile(`^[0-9.]+$`)
	ipv4    = regexp.MustCompile(`^` + octet + `(\.` + octet + `){3}$`)
	ipv6    = regexp.MustCompile(`^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9._-]+)?$`)
)

const octet = `(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])`

// Check says why s cannot be a host's name or address; its error continues
// "NAME is VALUE, ".
func Check(s string) error {
	switch {
	case s == "":
		return errors.New("which is empty: name a host, or use null for a node that is never deployed")
	case s[0] == '-':
		return errors.New("which begins with a dash: ssh would take it for an option")
	case strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return errors.New("which holds white space: it must be one host name or address")
	case strings.ContainsAny(s, "@/"):
		return errors.New("which is not a host name or address alone: user and port have options of their own")
	case withEnd.MatchString(s):
		return errors.New("which is not a host name or address alone: the port goes to targetPort")
	case digits.MatchString(s) && !ipv4.MatchString(s):
		return errors.New("which is neither an IPv4 address nor a host name")
	case strings.Contains(s, ":") && !isIPv6(s):
		return errors.New("which is no IPv6 address")
	case !strings.Contains(s, ":") && !isName(s):
		return errors.New("which cannot be a host name: it has parts between its dots of 1 to 63 letters, digits, - and _, and 253 in all")
	}
	return nil
}

// Plain says whether s has no character that means something to a shell, to ssh
// or in known_hosts. It is what can be asked of names that ssh_config makes.
func Plain(s string) bool { return host.MatchString(s) && s[0] != '-' || isIPv6(s) }

func isIPv6(s string) bool {
	return ipv6.MatchString(s) && !strings.Contains(s, ":::") && strings.Count(s, "::") <= 1
}

func isName(s string) bool {
	if !host.MatchString(s) || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	return true
}
