package agent

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"flakeops/activate/wire"
)

// An outcome is what the host is like in the end, not which step failed.
func TestMachineJudgesByWhatChanged(t *testing.T) {
	old, fresh := [3]string{"OLD", "OLD", "OLD"}, [3]string{"NEW", "NEW", "NEW"}
	broken := func(exit int, units ...string) func(*world) {
		return func(w *world) {
			w.failed, w.always = units, units
			w.exits["NEW test"], w.exits["OLD test"] = exit, exit
		}
	}
	keep := func(r *wire.Request) { r.AutoRollback = false }
	for _, s := range []scenario{
		// What had failed before.
		{name: "a unit had failed before", world: broken(4, "old.service"), confirm: time.Second,
			outcome: wire.Deployed, message: "units failed, as they had before: old.service", units: []string{"old.service"}, after: fresh},
		{name: "a unit had failed before, autoRollback off", world: broken(4, "data.mount"), request: keep, confirm: time.Second,
			outcome: wire.Deployed, message: "as they had before: data.mount", units: []string{"data.mount"}, after: fresh},
		{name: "a unit had failed before, and nobody gets in", world: broken(4, "old.service"),
			outcome: wire.RolledBack, message: "not confirmed", after: old},
		{name: "a unit had failed before, and the system is only tested", world: broken(4, "old.service"), goal: wire.Test, confirm: time.Second,
			outcome: wire.Tested, units: []string{"old.service"}, message: "as they had before", after: [3]string{"NEW", "OLD", "OLD"}},
		{name: "a rule of tmpfiles had failed at boot", world: func(w *world) {
			broken(4, "systemd-tmpfiles-setup.service")(w)
			w.breaks["NEW test"] = []string{"systemd-tmpfiles-resetup.service"}
		}, confirm: time.Second, outcome: wire.Deployed, after: fresh, units: []string{"systemd-tmpfiles-setup.service", "systemd-tmpfiles-resetup.service"}},
		{name: "a rule of tmpfiles fails on 17.09", world: func(w *world) {
			broken(3)(w)
			w.says["NEW test"] = []string{"setting up tmpfiles", "[/etc/tmpfiles.d/x.conf:1] Unknown user 'x'."}
		}, confirm: time.Second, outcome: wire.Deployed, message: "Unknown user 'x'", after: fresh},
		{name: "a rule of tmpfiles fails, and nobody gets in", world: broken(3), outcome: wire.RolledBack, message: "not confirmed", after: old},
		{name: "systemd cannot be reloaded", world: func(w *world) {
			w.exits["NEW test"] = 3
			w.says["NEW test"] = []string{"Failed to reload daemon: Connection timed out"}
		}, outcome: wire.RolledBack, message: "Connection timed out", after: old},
		{name: "a unit fails beside one that had failed before", world: func(w *world) {
			broken(4, "old.service")(w)
			w.breaks["NEW test"] = []string{"web.service"}
		}, outcome: wire.RolledBack, message: "units failed: web.service", units: []string{"web.service"}, after: [3]string{"OLD", "OLD", "OLD"}},
		{name: "exit 4 hides that the activation script failed", world: func(w *world) {
			broken(4, "old.service")(w)
			w.says["NEW test"] = []string{"Activation script snippet 'users' failed (1)", "warning: the following units failed: old.service"}
		}, outcome: wire.RolledBack, message: "the activation script failed", after: old},
		{name: "exit 4, and no unit to be seen", world: broken(4), outcome: wire.RolledBack, message: "units failed", after: old},
		{name: "going back, with a unit that was broken before", world: func(w *world) {
			broken(4, "old.service")(w)
			w.exits["NEW test"] = 2
		}, outcome: wire.RolledBack, message: "the activation script failed", after: old},
		{name: "going back, with a rule of tmpfiles that fails", world: func(w *world) {
			broken(3)(w)
			w.exits["NEW test"] = 2
		}, outcome: wire.RolledBack, after: old},

		// What boots.
		{name: "a boot loader that cannot be written at all", confirm: time.Second, world: func(w *world) {
			w.exits["NEW boot"], w.exits["OLD boot"] = 1, 1
			w.says["NEW boot"] = []string{"OSError: [Errno 28] No space left on device: '/boot/x'", "Failed to install bootloader"}
			w.trouble = "/boot is full"
		}, outcome: wire.RolledBack, message: "No space left on device: '/boot/x'; /boot is full", after: old},
		{name: "a boot loader of which nothing can be told", confirm: time.Second, world: func(w *world) { w.blind = true }, outcome: wire.Deployed, after: fresh},
		{name: "the same, and it fails both ways", confirm: time.Second, world: func(w *world) {
			w.blind, w.exits["NEW boot"], w.exits["OLD boot"] = true, 1, 1
		}, outcome: wire.RolledBack, message: "boot default", after: old},
		{name: "the same, and some of its files have changed", confirm: time.Second, world: func(w *world) {
			w.blind, w.exits["NEW boot"], w.exits["OLD boot"] = true, 1, 1
			w.writes = true
		}, outcome: wire.RollbackFailed, message: "rolling back: boot default", after: old},
		{name: "/boot is empty", confirm: time.Second, world: func(w *world) {
			w.boot, w.exits["NEW boot"], w.exits["OLD boot"] = "nothing", 1, 1
		}, outcome: wire.RolledBack, message: "boot default", after: [3]string{"OLD", "OLD", "nothing"}},
		{name: "it says that it is done, and did nothing", confirm: time.Second, world: func(w *world) { w.refuses["NEW boot"] = true },
			outcome: wire.RolledBack, message: "OLD would still boot", after: old},
		{name: "the same with goal boot", goal: wire.Boot, world: func(w *world) { w.refuses["NEW boot"] = true },
			outcome: wire.RolledBack, message: "configurationLimit", after: old},
		{name: "another default than the profile", confirm: time.Second, world: func(w *world) {
			w.boot, w.refuses["NEW boot"], w.exits["NEW boot"] = "OLDER", true, 17
		}, outcome: wire.RolledBack, message: "exit status 17", after: old},
		{name: "the same, and the way back leaves it alone", confirm: time.Second, world: func(w *world) {
			w.exits["NEW boot"], w.boot, w.refuses["OLD boot"] = 17, "OTHER", true
		}, outcome: wire.RolledBack, after: [3]string{"OLD", "OLD", "OTHER"}},
		{name: "errno for the boot loader, as if a reboot were wanted", confirm: time.Second, world: func(w *world) { w.exits["NEW boot"] = 100 },
			outcome: wire.RolledBack, message: "the boot loader could not be installed (switch-to-configuration boot: exit status 100)", after: old},
		{name: "errno for the boot loader, as if it were locked", confirm: time.Second, world: func(w *world) { w.exits["NEW boot"] = 11 },
			outcome: wire.RolledBack, message: "the boot loader could not be installed", after: old},
		{name: "the profile says that it cannot be put back, and is", confirm: time.Second, world: func(w *world) {
			w.setErr, w.restoreErr = errors.New("no space left"), errors.New("no space left")
		}, outcome: wire.RolledBack, message: "setting the profile", after: old},

		// What was never begun.
		{name: "locked", world: func(w *world) {
			w.refuses["NEW test"], w.exits["NEW test"], w.refuses["OLD test"], w.exits["OLD test"] = true, 11, true, 11
			w.says["NEW test"] = []string{"Could not acquire lock"}
		}, request: keep, outcome: wire.RolledBack, message: "another switch-to-configuration is running", after: old},
		{name: "what ends like that half way is undone", world: func(w *world) {
			w.refuses["NEW test"], w.exits["NEW test"], w.exits["OLD test"] = true, 11, 1
			w.says["NEW test"] = []string{"stopping the following units: sshd.service", "fork: Resource temporarily unavailable"}
		}, outcome: wire.RollbackFailed, message: "fork: Resource temporarily unavailable", after: old},
	} {
		t.Run(s.name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { s.play(t) }) })
	}
}

func TestExplain(t *testing.T) {
	for _, c := range []struct {
		action string
		code   int
		lines  []string
		want   string
	}{
		{"test", 1, []string{"activating the configuration...", "Error: Failed to open dbus connection"},
			"the activation failed (switch-to-configuration test: exit status 1): Error: Failed to open dbus connection"},
		{"boot", 17, []string{"Traceback (most recent call last):", "  File x", "FileExistsError: [Errno 17] File exists: '/boot/loader/loader.tmp'", "Failed to install bootloader"},
			"the boot loader could not be installed (switch-to-configuration boot: exit status 17): File x | FileExistsError: [Errno 17] File exists: '/boot/loader/loader.tmp'"},
		{"boot", 1, []string{"Pre-switch checks failed"}, "a pre-switch check failed (switch-to-configuration boot: exit status 1)"},
		{"test", 2, []string{"\x1b[31mno\x1b[0m\tgood\x07", "starting the following units: x"}, "the activation script failed (switch-to-configuration test: exit status 2): [31mno[0m good"},
		{"test", 2, []string{strings.Repeat("x", 5000)}, "the activation script failed (switch-to-configuration test: exit status 2): " + strings.Repeat("x", maxQuote) + "..."},
	} {
		r := ran{action: c.action, code: c.code}
		for _, l := range c.lines {
			r.hear(l)
		}
		if got := r.explain(); got != c.want {
			t.Errorf("%s %d: got %q, want %q", c.action, c.code, got, c.want)
		}
	}
}
