// Package sshname says what may be given to ssh: names of hosts and of users, and
// options. It is a second line: what a flake says has passed the rules of
// flake/schema.nix, which tell what is wrong, and a test holds the two together. But a
// node's own name, and what ssh_config makes of a name, have passed none. A name is
// read by ssh, by the shell of a ProxyCommand, and as a pattern in known_hosts.
package sshname

import (
	"regexp"
	"strings"
)

var (
	host   = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
	digits = regexp.MustCompile(`^[0-9.]+$`)
	ipv4   = regexp.MustCompile(`^` + octet + `(\.` + octet + `){3}$`)
	ipv6   = regexp.MustCompile(`^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9._-]+)?$`)
)

const octet = `(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])`

// Host says whether s can be the name or the address of a host.
func Host(s string) bool {
	switch {
	case digits.MatchString(s):
		return ipv4.MatchString(s)
	case strings.Contains(s, ":"):
		return isIPv6(s)
	}
	return isName(s)
}

// Plain says whether s has no character that means something to a shell, to ssh
// or in known_hosts. It is what can be asked of names that ssh_config makes.
func Plain(s string) bool { return host.MatchString(s) && s[0] != '-' || isIPv6(s) }

// User says whether s can be the name of a user, as OpenSSH 9.6 and later hold them to
// on their command line.
func User(s string) bool {
	return s != "" && s[0] != '-' && !strings.ContainsRune(s, ' ') && !strings.ContainsFunc(s, control) &&
		!strings.ContainsAny(s, "'`\"$\\;&<>|(){}")
}

// Option says whether s can be what `ssh -o` takes.
func Option(s string) bool { return strings.Trim(s, " ") != "" && !strings.ContainsFunc(s, control) }

func control(r rune) bool { return r < ' ' || r == 0x7f }

func isIPv6(s string) bool {
	return ipv6.MatchString(s) && !strings.Contains(s, ":::") && strings.Count(s, "::") <= 1
}

func isName(s string) bool {
	if !host.MatchString(s) || s[0] == '-' || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	return true
}
