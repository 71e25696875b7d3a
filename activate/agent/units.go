package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"flakeops/activate/wire"
	"flakeops/internal/onhost"
	"flakeops/internal/run"
)

// slack is added to every limit that systemd enforces on the unit: the agent's
// own limits come first, systemd's are for an agent that hangs.
const slack = 60 * time.Second

// guardEvery is how often the timer looks whether a deployment was given up.
const guardEvery = 15 * time.Second

// oomProtected is how little the kernel likes to end the agent when memory runs
// out (proc(5), oom_score_adj): only what is at -1000 is safer, such as sshd.
const oomProtected = -900

// unit is the name of a deployment's transient unit.
func unit(id string) string { return "flakeops-" + id + ".service" }

// guardUnit is the name of what that one's timer starts.
func guardUnit(id string) string { return "flakeops-" + id + "-guard.service" }

// guardTimer is the name of the timer that outlives the unit.
func guardTimer(id string) string { return "flakeops-" + id + "-guard.timer" }

// unitArgv is the transient unit. When its main process ends, however it does,
// systemd kills what the activation left in the unit at once (SIGKILL, because
// the rollback must not wait for a script that ignores SIGTERM), and then runs
// the recovery. When that is killed, too, the unit is started again, and its main
// process resumes the deployment: so for as long as it has no end.
func unitArgv(req wire.Request) []string {
	activation := time.Duration(req.ActivationTimeout) * time.Second
	confirm := time.Duration(req.ConfirmTimeout) * time.Second
	recovery := recoveryLimit(req)
	return append(transient("flakeops-"+req.ID, "flakeops deployment "+req.ID),
		"--property=ExecStopPost="+req.Agent+" agent recover "+req.ID,
		"--property=TimeoutStopSec="+seconds(recovery),
		"--property=RuntimeMaxSec="+seconds(3*activation+confirm+recovery),
		"--property=Restart=on-failure",
		"--property=RestartSec=1s",
		fmt.Sprintf("--property=RestartPreventExitStatus=%d", exitFailed),
		"--",
		req.Agent, "agent", "run", req.ID,
	)
}

// guardArgv is the timer that takes up a deployment whose unit is gone without an
// end: somebody has stopped it, and killed its recovery. What it runs never counts
// as a failed unit, which would be held against the system that is activated.
func guardArgv(req wire.Request) []string {
	return append(transient("flakeops-"+req.ID+"-guard", "flakeops deployment "+req.ID+": guard"),
		"--on-active="+seconds(guardEvery),
		"--on-unit-inactive="+seconds(guardEvery),
		"--timer-property=AccuracySec=1s",
		fmt.Sprintf("--property=SuccessExitStatus=%d %d SIGKILL", exitFailed, exitUnfinished),
		"--property=RuntimeMaxSec="+seconds(recoveryLimit(req)),
		"--",
		req.Agent, "agent", "guard", req.ID,
	)
}

// transient is what the two have in common. Memory that runs out is taken from
// others first, and one process that lacks it does not end the rest.
func transient(name, description string) []string {
	return []string{
		"systemd-run", "--quiet", "--no-ask-password", "--collect",
		"--unit=" + name,
		"--description=" + description,
		"--service-type=exec",
		"--property=KillSignal=SIGKILL",
		"--property=StartLimitIntervalSec=0",
		"--property=OOMPolicy=continue",
		fmt.Sprintf("--property=OOMScoreAdjust=%d", oomProtected),
		"--setenv=PATH=" + searchPath(),
		"--setenv=HOME=/root",
	}
}

// unprotect has an activation stand as everybody else when memory runs out.
func unprotect(pid int) {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte("0"), 0)
}

// recoveryLimit bounds a way back. At worst it commits, fails, and goes back:
// profile and boot loader; profile, boot loader and running system, the last two
// with three tries each. Then it may be stranded, and wait once more.
func recoveryLimit(req wire.Request) time.Duration {
	activation := time.Duration(req.ActivationTimeout) * time.Second
	confirm := time.Duration(req.ConfirmTimeout) * time.Second
	return (2+1+3+3)*activation + confirm + 2*slack
}

func seconds(d time.Duration) string { return fmt.Sprintf("%ds", int(d.Seconds())) }

// searchPath is where the unit finds nix-env and systemctl: where this process
// finds them, and where NixOS and a multi-user Nix have them.
func searchPath() string {
	const usual = "/run/current-system/sw/bin:/nix/var/nix/profiles/default/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
	if p := os.Getenv("PATH"); p != "" {
		return p + ":" + usual
	}
	return usual
}

// setGuard sets the guard, if it does not stand there already.
func (a *agent) setGuard(ctx context.Context, req wire.Request) error {
	ctx, cancel := context.WithTimeout(ctx, slack)
	defer cancel()
	if _, err := a.runner.Run(ctx, run.Command{Argv: guardArgv(req)}); err != nil && !a.isUp(ctx, guardTimer(req.ID)) {
		return fmt.Errorf("starting %s: %w", guardTimer(req.ID), err)
	}
	return nil
}

// setGuardAfterBoot has the guard stand after a soft reboot, which keeps /run, and so what
// runs, but no unit.
func (a *agent) setGuardAfterBoot(req wire.Request) error {
	text := fmt.Sprintf(`[Unit]
Description=flakeops deployment %[1]s: guard
After=multi-user.target
StartLimitIntervalSec=0
CollectMode=inactive-or-failed
[Service]
Type=exec
Environment=HOME=/root "PATH=%[2]s"
ExecStart=%[3]s agent guard %[1]s
KillSignal=SIGKILL
OOMScoreAdjust=%[4]d
Restart=on-failure
RestartSec=%[5]s
SuccessExitStatus=%[6]d
`, req.ID, searchPath(), req.Agent, oomProtected, seconds(guardEvery), exitFailed)
	wants := a.layout.bootWants(req.ID)
	if err := os.MkdirAll(filepath.Dir(wants), 0o755); err != nil {
		return err
	}
	if err := onhost.WriteFile(a.layout.bootUnit(req.ID), []byte(text)); err != nil {
		return err
	}
	if err := os.Symlink("../"+guardUnit(req.ID), wants); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

// removeGuard takes the guard away. Where that fails, the guard does it: it finds
// the deployment ended.
func (a *agent) removeGuard(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), slack)
	defer cancel()
	_, _ = a.runner.Run(ctx, run.Command{Argv: []string{"systemctl", "stop", guardTimer(id)}})
	if os.Remove(a.layout.bootWants(id)) != nil {
		return
	}
	_ = os.Remove(a.layout.bootUnit(id))
	_, _ = a.runner.Run(ctx, run.Command{Argv: []string{"systemctl", "daemon-reload"}})
}

// unitThere says whether a deployment's unit is at work, or about to start again.
func (a *agent) unitThere(ctx context.Context, id string) bool { return a.isUp(ctx, unit(id)) }

func (a *agent) isUp(ctx context.Context, name string) bool {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, _ := run.Output(ctx, a.runner, run.Command{Argv: []string{"systemctl", "is-active", name}})
	switch strings.TrimSpace(string(out)) {
	case "active", "activating", "deactivating", "reloading":
		return true
	}
	return false
}
