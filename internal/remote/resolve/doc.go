// Package resolve finds out how a host is reached, as `ssh -G` tells it of
// ssh_config: names, jump hosts, proxy commands, files and algorithms.
package resolve
