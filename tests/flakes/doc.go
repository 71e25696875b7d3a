// Package flakes writes fleets to deploy: flakes with nixosConfigurations that
// need no nixpkgs, whose systems keep NixOS's switching contract or break it in
// a chosen way. fleet/README.md describes what a node can be.
package flakes
