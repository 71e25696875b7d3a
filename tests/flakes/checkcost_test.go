package flakes

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// BenchmarkFlakeCheck measures what nix flake check takes longer where a fleet
// checks its settings, in hundredths of what evaluating its nodes takes.
func BenchmarkFlakeCheck(t *testing.B) {
	nodes := map[string]Node{}
	for i := range 20 {
		nodes[fmt.Sprintf("node%02d", i)] = Node{
			Deployment: map[string]any{"tags": []string{"all"}, "targetHost": fmt.Sprintf("10.0.0.%d", i+1), "targetUser": "deploy"},
			Keys:       map[string]map[string]any{"token": {"keyFile": "/var/lib/secrets/token"}},
		}
	}
	checked := Fleet(t, nodes)
	Using(t, checked)
	plain := Fleet(t, nodes)
	Using(t, plain)
	name := filepath.Join(plain, "flake.nix")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	without := strings.Replace(string(text), "checks = flakeops.lib.checksWith", "lib = flakeops.lib.checksWith", 1)
	if without == string(text) {
		t.Fatal("the flake has no checks")
	}
	if err := os.WriteFile(name, []byte(without), 0o600); err != nil {
		t.Fatal(err)
	}

	// The processor's time, for the machine may be busy; the least of several.
	measure := func(dir string, rounds int, args ...string) time.Duration {
		var times []time.Duration
		for range rounds {
			cmd := exec.CommandContext(t.Context(), "nix", args...)
			cmd.Dir, cmd.Env = dir, append(os.Environ(), "NIX_CONFIG="+NixConfig)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("nix %q: %v\n%s", args, err, out)
			}
			times = append(times, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
		}
		return slices.Min(times)
	}
	with := measure(checked, 12, "flake", "check", "path:"+checked)
	bare := measure(plain, 12, "flake", "check", "path:"+plain)
	var evaluation time.Duration // as a deployment does it, one process for each node
	for name := range nodes {
		evaluation += measure(plain, 2, "eval", "--json", "path:"+plain+"#nixosConfigurations",
			"--apply", "all: let node = all."+name+"; in [ node.config.system.build.toplevel.drvPath node.config.deployment ]")
	}
	share := 100 * float64(with-bare) / float64(evaluation)
	t.Logf("with checks %s, without %s, evaluating the nodes %s", with, bare, evaluation)
	t.ReportMetric(share, "%-of-evaluation")
	if share > 10 {
		t.Errorf("the checks take %.1f %% of what evaluating the nodes takes, want 10 %% at most", share)
	}
}
