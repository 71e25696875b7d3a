// Package remote is one SSH connection to a host: resolved as OpenSSH would,
// dialled fresh, checked against known_hosts, and used to run commands as the login
// user or elevated.
//
// How a host is reached is decided by `ssh -G`, so that ssh_config is honoured
// to the letter: aliases, Match blocks, identities, certificates, agents, jump
// hosts, proxy commands, known_hosts files, policies and algorithms. The
// protocol itself is golang.org/x/crypto/ssh. Where this package deliberately
// differs from ssh(1):
//
//   - a connection is never shared: ControlMaster and ControlPath are ignored;
//   - a host key that differs from the known ones is refused under every
//     StrictHostKeyChecking, also no and off, under which ssh connects;
//   - ProxyUseFdpass is refused; KnownHostsCommand and VerifyHostKeyDNS are not
//     asked; security keys work through an agent, not from their files;
//   - ConnectTimeout is 10 s and ServerAliveInterval 15 s unless configured, and
//     ConnectTimeout covers the whole handshake but no question to the operator;
//   - AES-GCM is preferred to ChaCha20 where nobody configured an order.
//
// Elevation is a small protocol on the command's stderr and stdin (elevate.go).
package remote
