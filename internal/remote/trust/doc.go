// Package trust decides whether a host is the one it should be: by known_hosts,
// lists of revoked keys, StrictHostKeyChecking and the operator. It asks the host
// for the kind of key that it can judge.
//
// Of ssh_config it honours UserKnownHostsFile, GlobalKnownHostsFile, HashKnownHosts,
// StrictHostKeyChecking, HostKeyAlias, CheckHostIP, RevokedHostKeys (as a list of
// public keys), NoHostAuthenticationForLocalhost, HostKeyAlgorithms, KexAlgorithms,
// Ciphers and MACs. Where it differs from ssh(1):
//
//   - a host key that differs from the known ones is refused under every
//     StrictHostKeyChecking, also no and off, under which ssh connects;
//   - KnownHostsCommand and VerifyHostKeyDNS are not asked, and UpdateHostKeys notes
//     nothing;
//   - a binary list of revoked keys refuses every host;
//   - AES-GCM is preferred to ChaCha20 where nobody configured an order.
package trust
