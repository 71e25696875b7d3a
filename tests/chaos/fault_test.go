package chaos

import (
	"context"
	"syscall"
	"time"
)

// kind is what goes wrong.
type kind string

const (
	linkCut        kind = "link cut"
	linkLossy      kind = "link that loses packets"
	powerCut       kind = "power cut"
	killDeployer   kind = "SIGKILL of the deployer"
	interrupt      kind = "Ctrl-C"
	interruptTwice kind = "Ctrl-C twice"
	killAgent      kind = "SIGKILL of the unit's main process"
	killUnit       kind = "SIGKILL of all in the unit"
	killStorm      kind = "ten SIGKILLs of all in the units"
	stopUnit       kind = "unit stopped by hand"
	stopTimers     kind = "timers stopped by hand"
	freeze         kind = "agent frozen"
	diskFull       kind = "disk full"
	runFull        kind = "/run full"
	bootFull       kind = "/boot full"
	bootReadOnly   kind = "/boot read-only"
	lockByRoot     kind = "switch lock held by root"
	lockByUser     kind = "switch lock held by a user"
	sshdStopped    kind = "sshd stopped"
	sessionsKilled kind = "ssh sessions killed"
)

// scripted is what is done on the host to begin a fault, and to end it. Ends are
// run on hosts that were rebooted meanwhile, and more than once.
type scripted struct{ begin, end string }

func scripts() map[kind]scripted {
	kill := func(who string) string {
		return "systemctl kill --kill-who=" + who + " --signal=KILL 'flakeops-*.service'"
	}
	lock := "mkdir -p /run/nixos; touch /run/nixos/switch-to-configuration.lock; "
	// It is known by how long it sleeps, or will when it has the lock.
	const hold = "flock /run/nixos/switch-to-configuration.lock sleep 6543 </dev/null >/dev/null 2>&1 &"
	const share = "flock -s /run/nixos/switch-to-configuration.lock sleep 6543"
	// One that is killed may have begun another just now: a look that finds none is the last.
	letGo := "found=1; while [ $found ]; do found=; for p in /proc/[0-9]*; do " +
		"case $(tr '\\0' ' ' <$p/cmdline 2>/dev/null) in *'sleep 654'[3]*) kill -KILL ${p#/proc/} 2>/dev/null && found=1 ;; esac; done; done; :"
	byRoot := scripted{begin: lock + "setsid " + hold, end: letGo}
	byUser := scripted{begin: lock + "setsid su ops -s /bin/sh -c '" + share + "' </dev/null >/dev/null 2>&1 &", end: letGo}
	return map[kind]scripted{
		linkLossy: {
			begin: `nft 'table inet chaos { chain in { type filter hook input priority -20; policy accept; iifname "eth0" numgen random mod 100 < 25 drop; }; chain out { type filter hook output priority -20; policy accept; oifname "eth0" numgen random mod 100 < 25 drop; }; }'`,
			end:   "nft delete table inet chaos 2>/dev/null; :",
		},
		killAgent:  {begin: kill("main") + "; :"},
		killUnit:   {begin: kill("all") + "; :"},
		killStorm:  {begin: "for i in 1 2 3 4 5 6 7 8 9 10; do " + kill("all") + "; sleep 0.$((i % 4))5; done; :"},
		stopUnit:   {begin: "systemctl stop 'flakeops-*.service'; :"},
		stopTimers: {begin: "systemctl stop 'flakeops-*.timer'; :"},
		freeze: {
			begin: "systemctl kill --kill-who=all --signal=STOP 'flakeops-*.service'; :",
			end:   "systemctl kill --kill-who=all --signal=CONT 'flakeops-*.service'; :",
		},
		// Writing fails from here on: that dd does is what is wanted of it.
		diskFull: {
			begin: "mkdir -p /var/filler; for size in 64k 4k 1; do dd if=/dev/zero of=/var/filler/$size bs=$size 2>/dev/null; done; :",
			end:   "rm -rf /var/filler",
		},
		runFull: {
			begin: "mount -o remount,size=$(($(df --output=used -k /run | tail -n 1) + 64))k /run; for size in 4k 1; do dd if=/dev/zero of=/run/filler-$size bs=$size 2>/dev/null; done; :",
			end:   "rm -f /run/filler-*; mount -o remount,size=64m /run",
		},
		// What is there stays, and there is no room for another name.
		bootFull: {
			begin: "mkdir -p /boot.chaos && mount -t tmpfs -o nr_inodes=$(find /boot | wc -l) chaos /boot.chaos && cp -a /boot/. /boot.chaos/ && mount --bind /boot.chaos /boot",
			end:   "while mountpoint -q /boot; do umount -l /boot; done; while mountpoint -q /boot.chaos; do umount -l /boot.chaos; done; rm -rf /boot.chaos",
		},
		bootReadOnly: {
			begin: "mount --bind /boot /boot && mount -o remount,bind,ro /boot",
			end:   "while mountpoint -q /boot; do umount -l /boot; done",
		},
		lockByRoot: byRoot,
		lockByUser: byUser,
		sshdStopped: {
			begin: "systemctl stop ssh.socket ssh.service; :",
			end:   "systemctl is-active -q ssh.socket ssh.service || systemctl start $(cat /etc/chaos-sshd)",
		},
		sessionsKilled: {begin: `listener=$(systemctl show -P MainPID ssh.service); for p in /proc/[0-9]*; do case $(cat $p/comm 2>/dev/null) in sshd*) [ ${p#/proc/} = "$listener" ] || kill -KILL ${p#/proc/} 2>/dev/null ;; esac; done; :`},
	}
}

// begin does what the fault is, and says whether it was done.
func (r *round) begin(ctx context.Context, f fault) error {
	h := r.hosts[f.node]
	switch f.kind {
	case linkCut:
		return h.Cut(ctx)
	case powerCut:
		return h.PowerOff(ctx)
	case killDeployer:
		return r.runs[0].process.Cmd.Process.Kill()
	case interrupt:
		return r.runs[0].process.Signal(syscall.SIGINT)
	case interruptTwice:
		err := r.runs[0].process.Signal(syscall.SIGINT)
		time.Sleep(f.lasts / 4)
		_ = r.runs[0].process.Signal(syscall.SIGINT)
		return err
	}
	_, err := h.Shell(ctx, scripts()[f.kind].begin)
	return err
}

// end makes good what the fault has done, as often as it is called.
func (r *round) end(ctx context.Context, f fault) error {
	h := r.hosts[f.node]
	switch f.kind {
	case linkCut:
		return h.Heal(ctx)
	case powerCut:
		if s, err := h.Status(ctx); err != nil || s.On {
			return err
		}
		return h.PowerOn(ctx)
	}
	script := scripts()[f.kind].end
	if script == "" {
		return nil
	}
	_, err := h.Shell(ctx, script)
	return err
}

// cutsOff says whether the fault can keep a deployer from its host.
func (k kind) cutsOff() bool {
	switch k {
	case linkCut, linkLossy, powerCut, sshdStopped, sessionsKilled:
		return true
	}
	return false
}
