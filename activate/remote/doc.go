// Package remote is one SSH connection to a host: resolved as OpenSSH would
// (`ssh -G`), dialled fresh, checked against known_hosts, used to run commands
// as the login user or elevated, and lent to nix, which finds this program
// under the name ssh.
package remote
