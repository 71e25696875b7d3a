package chaos

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"flakeops/tests/flakes"
	"flakeops/tests/trial"
)

// call is one run of flakeops in a round.
type call struct {
	home, flake string
	systems     []string // the node's new ones, in order
	process     *trial.Process
	code        int
	took        time.Duration
	args        []string
	answer      *answer // as --json gives it; nil without one
}

// newRun writes a flake of these systems.
func (r *round) newRun(dir, version string, systems []system) (*call, error) {
	one := &call{home: filepath.Join(dir, "home"), flake: filepath.Join(dir, "flake")}
	for _, d := range []string{one.home, filepath.Join(one.home, "tmp")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, err
		}
	}
	nodes := map[string]flakes.Node{}
	for i, s := range systems {
		n := flakes.Node{Version: version, Faults: s.wrong, Deployment: map[string]any{
			"targetHost": r.hosts[i].Name, "targetUser": s.user,
			"activationTimeout": activationTimeout, "confirmTimeout": confirmTimeout,
			"sshOptions": []string{"ConnectTimeout=3", "ServerAliveInterval=2", "ServerAliveCountMax=3"},
		}}
		if s.keys {
			n.Keys = map[string]map[string]any{"token": {"text": keyValue(version)}}
		}
		nodes[names()[i]] = n
	}
	if err := flakes.Write(one.flake, nodes); err != nil {
		return nil, err
	}
	out, err := r.nix(one, "eval", "--raw", "path:"+one.flake+"#nixosConfigurations", "--apply",
		"c: toString (map (n: c.${n}.config.system.build.toplevel.outPath) [ "+quoted(names()[:len(systems)])+" ])")
	one.systems = strings.Fields(out)
	return one, err
}

func quoted(words []string) string { return `"` + strings.Join(words, `" "`) + `"` }

func keyValue(version string) string { return "value of " + version }

// args are those of the action.
func (r *round) args(one *call) []string {
	ref := "path:" + one.flake
	var args []string
	switch r.plan.action {
	case sendsKeys:
		args = []string{"send-keys", ref}
	case reboots:
		args = []string{"reboot", ref, "--timeout", "45", "--parallel", "3"}
	case both:
		args = []string{"deploy", ref}
	default:
		args = append([]string{"deploy", ref}, strings.Fields(string(r.plan.action))[1:]...)
	}
	if r.plan.keep {
		args = append(args, "--keep-going")
	}
	return append(args, "--json")
}

func (r *round) env(one *call) ([]string, error) {
	env, err := trial.Env(one.home, r.pool.lab.SSHConfig())
	return append(env, "TMPDIR="+filepath.Join(one.home, "tmp")), err
}

func (r *round) nix(one *call, args ...string) (string, error) {
	env, err := r.env(one)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	p, err := trial.Start(ctx, one.home, env, append([]string{"nix"}, args...)...)
	if err != nil {
		return "", err
	}
	if code, err := p.Wait(); code != 0 || err != nil {
		return "", fmt.Errorf("nix %s: exit code %d, %w: %s", args[0], code, err, p.Stderr.String())
	}
	return p.Stdout.String(), nil
}

func (r *round) launch(ctx context.Context, one *call) bool {
	env, err := r.env(one)
	if err == nil {
		one.process, err = trial.Start(ctx, one.home, env, append([]string{binary}, one.args...)...)
	}
	if err != nil {
		r.breaks("starting flakeops: %v", err)
	}
	return err == nil
}

// await waits for a run's end, and ends it itself when there is no hope.
func (r *round) await(one *call) {
	began := time.Now()
	stop := time.AfterFunc(hopeless, func() { _ = one.process.Cmd.Process.Kill() })
	defer stop.Stop()
	code, err := one.process.Wait()
	if err != nil {
		r.breaks("%v", err)
	}
	one.code, one.took = code, time.Since(began)
	r.mark("flakeops %s: exit code %d", one.args[0], code)
	one.answer = readAnswer(one.process.Stdout.String())
}
