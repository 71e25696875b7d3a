package architecture

import (
	"os"
	"os/exec"
	"testing"
)

// Those whose packages flake.nix offers: a Mac deploys, and is never a host.
func TestBuildsForEveryDeployer(t *testing.T) {
	for _, platform := range [][2]string{{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "arm64"}} {
		cmd := exec.CommandContext(t.Context(), "go", "build", "-o", os.DevNull, ".")
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+platform[0], "GOARCH="+platform[1])
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s/%s: %v: %s", platform[0], platform[1], err, out)
		}
	}
}
