// Package trust decides whether a host is the one it should be: by known_hosts,
// lists of revoked keys, StrictHostKeyChecking and the operator. It asks the host
// for the kind of key that it can judge.
package trust
