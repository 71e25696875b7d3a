package host

import (
	"os"
	"os/exec"
	"slices"
)

// SudoPassword is what sudo asks the user opspw for.
const SudoPassword = "lab-sudo-password"

// Suites are the Debian suites a host can run, from the oldest Nix to the newest.
func Suites() []string { return []string{"bookworm", "trixie", "sid"} }

func knownSuite(s string) bool { return slices.Contains(Suites(), s) }

// NixEnv is the environment, as NAME=value, in which a deployer's nix works on
// this machine as root: without a daemon, build users, a sandbox or a cache.
func NixEnv() []string {
	return []string{"NIX_CONFIG=experimental-features = nix-command flakes\n" +
		"sandbox = false\n" +
		"substituters =\n" +
		"build-users-group =\n"}
}

// rootPath is PATH, with the directories of programs for root where it lacks
// them: a root shell that came by way of su may. A PATH of Programs lacks nothing.
func rootPath() string {
	if _, err := exec.LookPath("ip"); err == nil {
		return "PATH=" + os.Getenv("PATH")
	}
	return "PATH=" + os.Getenv("PATH") + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}
