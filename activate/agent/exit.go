package agent

import "fmt"

// Exit statuses of NixOS's switch-to-configuration that mean something of their
// own (nixpkgs, pkgs/by-name/sw/switch-to-configuration-ng).
const (
	exitCheck      = 1   // a pre-check failed, or the boot loader could not be installed
	exitActivation = 2   // the activation script failed
	exitUnits      = 4   // units failed
	exitLock       = 11  // another one runs: EAGAIN
	exitReboot     = 100 // only a reboot brings the system up
)

func explainExit(code int) string {
	switch code {
	case exitCheck:
		return "a pre-check or the boot loader failed (switch-to-configuration: exit status 1)"
	case exitActivation:
		return "the activation script failed (switch-to-configuration: exit status 2)"
	case exitUnits:
		return "units failed (switch-to-configuration: exit status 4)"
	case exitLock:
		return "another switch-to-configuration is running on the host (exit status 11): wait for it, then deploy again"
	}
	return fmt.Sprintf("switch-to-configuration: exit status %d", code)
}
