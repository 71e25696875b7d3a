package wire

import "strings"

// SaysLocked says whether a line is switch-to-configuration's word on another one that
// holds its lock, in all releases of NixOS (nixpkgs, pkgs/by-name/sw/switch-to-configuration-ng).
// Its exit status, 11, may be any other EAGAIN.
func SaysLocked(line string) bool { return strings.HasPrefix(line, "Could not acquire lock") }
