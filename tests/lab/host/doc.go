// Package host boots throw-away hosts on this machine, for tests that want the
// real thing: systemd as PID 1, OpenSSH's sshd, a Nix store and a network of
// their own. It needs root and Linux.
package host
