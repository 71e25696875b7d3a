// Package flake is what flakeops asks the nix command line: a flake's lock and
// node names, each node's system and settings, the build of all selected
// systems in one go, and their copy to a host's store.
//
// Everything goes through the nix and nix-store programs, so that the user's
// own nix configuration, credentials and remote builders apply. Nothing here
// writes to the user's tree.
package flake
