// Package resolve finds out how a host is reached, as `ssh -G` tells it of
// ssh_config, so that aliases, Match blocks, Include and defaults are OpenSSH's own.
// Tokens, ~ and ${VARIABLES} that it leaves in file names and in ProxyCommand are
// filled in here.
//
// Where nobody configured them ConnectTimeout is 10 s and ServerAliveInterval 15 s;
// 0 is as if nobody did. What `ssh -G` prints beyond Config is not honoured.
package resolve
