package bootloader

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Leftovers lists what an installation of systemd-boot leaves behind when it is
// cut short. Its installer opens that file exclusively, so it makes every later
// installation fail.
func Leftovers(root string) (found []string) {
	for _, dir := range Dirs(root) {
		name := filepath.Join(dir, "loader/loader.tmp")
		if _, err := os.Lstat(name); err == nil {
			found = append(found, name)
		}
	}
	return found
}

// Sweep removes what an installation that has just ended has left behind,
// and that was not there before it.
func Sweep(root string, before []string) {
	for _, name := range Leftovers(root) {
		if !slices.Contains(before, name) {
			_ = os.Remove(name)
		}
	}
}

// Trouble looks for what keeps every installation of a boot loader from
// succeeding, whichever system it is for.
func Trouble(root string) string {
	var found []string
	for _, left := range Leftovers(root) {
		found = append(found, left+" was left behind by an installation that was cut short, and makes every later one fail: remove it")
	}
	for _, dir := range Dirs(root) {
		if trouble := noRoom(dir); trouble != "" {
			found = append(found, trouble)
		}
	}
	if len(found) == 0 && Default(root) == None {
		found = append(found, "there is nothing in /boot: is it mounted?")
	}
	return strings.Join(found, "; ")
}
