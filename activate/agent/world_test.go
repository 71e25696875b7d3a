package agent

import (
	"context"
	"slices"
	"time"

	"flakeops/activate/agent/bootloader"
)

// world is a host in memory: what runs, what the profile and the boot loader
// hold, and how each system behaves when it is switched to.
type world struct {
	current, profile, boot string
	stages                 []stage
	byHand                 string // somebody else activates it
	byHandAt               time.Time
	bootsNext              string // somebody else makes it the boot default
	bootsNextAt            time.Time
	switchedUntil          time.Time // somebody's own switch-to-configuration runs
	failed                 []string
	always                 []string // units that fail whatever system is activated
	stopping               bool
	saveErr                error
	setErr, restoreErr     error
	// exits gives the exit status of "SYSTEM ACTION"; absent means 0.
	exits map[string]int
	// hangs lists the "SYSTEM ACTION" that last until the context ends.
	hangs map[string]bool
	// breaks lists units that "SYSTEM ACTION" makes fail.
	breaks map[string][]string
	// refuses lists the "SYSTEM ACTION" that change nothing when they fail.
	refuses map[string]bool
	// checks lists systems whose pre-switch checks fail.
	checks map[string]bool
	// says is what "SYSTEM ACTION" prints.
	says      map[string][]string
	blind     bool // what would boot cannot be told
	trouble   string
	writes    bool   // installing a boot loader leaves files, whatever comes of it
	files     string // of the boot loader, beside what they say about the default
	reboots   int
	rebootErr error
	calls     []string
}

func (w *world) activate(ctx context.Context, system, action string, force bool, line func(string)) (int, error) {
	key := system + " " + action
	w.calls = append(w.calls, key)
	if w.checks[system] && !force {
		line("Pre-switch checks failed")
		return exitCheck, nil
	}
	for _, l := range w.says[key] {
		line(l)
	}
	if !w.refuses[key] {
		switch action {
		case "test":
			w.current = system
			w.failed = slices.Clone(w.always) // older failures are forgotten first
		case "boot":
			if w.writes {
				w.files += "more "
			}
			if w.exits[key] == 0 {
				w.boot = system
			}
		}
	}
	if w.hangs[key] {
		<-ctx.Done()
		return -1, context.Cause(ctx)
	}
	w.failed = append(w.failed, w.breaks[key]...)
	return w.exits[key], nil
}

func (w *world) setProfile(ctx context.Context, system string) error {
	if w.hangs["profile"] {
		<-ctx.Done()
		return ctx.Err()
	}
	if w.setErr != nil {
		return w.setErr
	}
	w.profile = system
	return nil
}

func (w *world) restoreProfile(ctx context.Context, old before) error {
	if w.hangs["profile"] {
		<-ctx.Done()
		return ctx.Err()
	}
	if w.restoreErr != nil {
		return w.restoreErr
	}
	w.profile = old.Profile
	return nil
}

func (w *world) running() (string, error) {
	if w.byHand != "" && !time.Now().Before(w.byHandAt) {
		w.current, w.byHand = w.byHand, ""
	}
	return w.current, nil
}

func (w *world) profileSystem() (string, error) { return w.profile, nil }
func (w *world) bootTrouble() string            { return w.trouble }

func (w *world) reboot(context.Context, string) error {
	w.reboots++
	w.current = w.boot
	return w.rebootErr
}

func (w *world) bootFiles() string { return w.files + w.boot }

func (w *world) boots() string {
	if w.bootsNext != "" && !time.Now().Before(w.bootsNextAt) {
		w.boot, w.bootsNext = w.bootsNext, ""
	}
	if w.blind {
		return bootloader.Unknown
	}
	return w.boot
}

func (w *world) failedUnits(context.Context) ([]string, error) { return slices.Clone(w.failed), nil }
func (w *world) shuttingDown(context.Context) bool             { return w.stopping }

func (w *world) save(st state) error {
	w.stages = append(w.stages, st.Stage)
	return w.saveErr
}

func newWorld() *world {
	return &world{current: "OLD", profile: "OLD", boot: "OLD",
		exits: map[string]int{}, hangs: map[string]bool{}, breaks: map[string][]string{}, refuses: map[string]bool{}, checks: map[string]bool{}, says: map[string][]string{}}
}
