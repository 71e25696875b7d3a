// Package lend lends connections to nix. nix finds this program under the name
// ssh first in its PATH; that process, the shim, passes the command and its own
// stdin, stdout and stderr over a private Unix socket to the Lender in the
// deployer, which runs the command as root over a connection it already has. It
// knows no SSH: what it lends is a run.Runner.
package lend
