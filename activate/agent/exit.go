package agent

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"flakeops/activate/wire"
)

// Exit statuses of NixOS's switch-to-configuration that mean something of their
// own, when it activates (nixpkgs, pkgs/by-name/sw/switch-to-configuration-ng).
// What it exits with when it makes a system the boot default means nothing but
// failure: releases differ, and that of 24.11 ends with any errno.
const (
	exitCheck      = 1   // a pre-switch check failed, or any other error
	exitActivation = 2   // the activation script failed
	exitTmpfiles   = 3   // until NixOS 23.05: systemd-tmpfiles, or the reload of systemd, failed
	exitUnits      = 4   // units failed
	exitLock       = 11  // another one runs: EAGAIN
	exitReboot     = 100 // only a reboot brings the system up
)

// ran is what one call of switch-to-configuration came to.
type ran struct {
	action string
	code   int
	lines  []string // the last that it printed, cleaned, without what it says of its own steps

	// What it printed about its steps. An exit status can hide another one.
	scriptFailed bool
	reloadFailed bool
	checkFailed  bool
	locked       bool // the exit status alone may be any other EAGAIN, from half way
}

const (
	keptLines = 2
	maxQuote  = 240 // characters of a line
)

// hear takes a line of the output.
func (r *ran) hear(line string) {
	line = strings.TrimSpace(strings.Map(func(c rune) rune {
		if c == '\t' {
			return ' '
		}
		if !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, line))
	switch {
	case strings.HasPrefix(line, "Activation script snippet") && strings.Contains(line, "failed"), strings.HasPrefix(line, "Failed to run activate script"):
		r.scriptFailed = true
	case strings.HasPrefix(line, "Failed to reload daemon"):
		r.reloadFailed = true
	case line == "Pre-switch checks failed":
		r.checkFailed = true
		return
	case wire.SaysLocked(line):
		r.locked = true
	}
	if line == "" || slices.ContainsFunc(ownWords(), func(w string) bool { return strings.HasPrefix(line, w) }) {
		return
	}
	if cut := []rune(line); len(cut) > maxQuote {
		line = string(cut[:maxQuote]) + "..."
	}
	r.lines = append(r.lines[max(0, len(r.lines)-keptLines+1):], line)
}

// ownWords begin the lines in which switch-to-configuration tells its steps.
func ownWords() []string {
	return []string{
		"stopping the following", "NOT restarting the following", "NOT stopping the following", "activating the configuration",
		"restarting systemd", "reloading the following", "restarting the following", "starting the following", "reloading user units",
		"restarting sysinit-reactivation.target", "setting up tmpfiles", "setting up /etc", "the following new units were started",
		"Failed to install bootloader", "installing the boot loader", "updating GRUB", "switching to system configuration",
	}
}

// explain says what the exit status means, and in whose words.
func (r *ran) explain() string {
	status := fmt.Sprintf(" (switch-to-configuration %s: exit status %d)", r.action, r.code)
	var what string
	switch {
	case r.checkFailed:
		what = "a pre-switch check failed"
	case r.action == "boot":
		what = "the boot loader could not be installed"
	case r.locked:
		return "another switch-to-configuration is running on the host" + status + ": wait for it, then deploy again"
	case r.code == exitActivation, r.code == exitUnits && r.scriptFailed, r.code == exitTmpfiles && r.scriptFailed:
		what = "the activation script failed"
	case r.code == exitTmpfiles && r.reloadFailed:
		what = "systemd could not be reloaded"
	case r.code == exitTmpfiles:
		what = "systemd-tmpfiles failed"
	case r.code == exitUnits:
		what = "units failed"
	default:
		what = "the activation failed"
	}
	if len(r.lines) == 0 {
		return what + status
	}
	return what + status + ": " + strings.Join(r.lines, " | ")
}
