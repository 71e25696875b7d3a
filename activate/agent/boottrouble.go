package agent

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"flakeops/activate/agent/bootloader"
)

// cutShort lists what an installation of systemd-boot leaves behind when it is
// cut short. Its installer opens that file exclusively, so it makes every later
// installation fail.
func (h *host) cutShort() (found []string) {
	for _, dir := range bootloader.Dirs(h.layout.root + "/") {
		name := filepath.Join(dir, "loader/loader.tmp")
		if _, err := os.Lstat(name); err == nil {
			found = append(found, name)
		}
	}
	return found
}

// sweepBoot removes what an installation that has just ended has left behind,
// and that was not there before it.
func (h *host) sweepBoot(before []string) {
	for _, name := range h.cutShort() {
		if !slices.Contains(before, name) {
			_ = os.Remove(name)
		}
	}
}

// bootTrouble looks for what keeps every installation of a boot loader from
// succeeding, whichever system it is for.
func (h *host) bootTrouble() string {
	var found []string
	for _, left := range h.cutShort() {
		found = append(found, left+" was left behind by an installation that was cut short, and makes every later one fail: remove it")
	}
	for _, dir := range bootloader.Dirs(h.layout.root + "/") {
		if trouble := noRoom(dir); trouble != "" {
			found = append(found, trouble)
		}
	}
	if len(found) == 0 && bootloader.Default(h.layout.root+"/") == bootloader.None {
		found = append(found, "there is nothing in /boot: is it mounted?")
	}
	return strings.Join(found, "; ")
}
