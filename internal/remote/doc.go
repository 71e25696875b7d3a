// Package remote makes the SSH connection to a host: resolved as OpenSSH would,
// dialled fresh, the host checked, the user logged in. The protocol itself is
// golang.org/x/crypto/ssh. Each step is a room of its own, whose documentation says
// what of ssh_config it honours and where it differs from ssh(1): resolve, trust,
// auth, and sessions, which runs commands; docs/guide.md has it for users.
//
// Here ProxyJump, ProxyCommand, AddressFamily, BindAddress and ConnectTimeout hold;
// the last covers the whole handshake, but no question to the operator. ProxyUseFdpass
// is refused. Not honoured are ControlMaster, ControlPath and ControlPersist, for a
// connection is never shared; BindInterface, Compression, ConnectionAttempts, IPQoS,
// RekeyLimit and TCPKeepAlive, which choose no host; and LocalCommand.
package remote
