// Package deployer is what the engine works with on the operator's machine: the flake
// that was opened and the nodes selected of it, the local store and the roots of a run,
// the agents to push, and the SSH connections that hosts are reached by and nix is lent.
package deployer
