//go:build !linux

package install

import "golang.org/x/sys/unix"

func modeOf(st *unix.Stat_t) uint32 { return uint32(st.Mode) }

// inMemory is false: hosts run Linux, and elsewhere this program only sends keys.
func inMemory(*unix.Statfs_t) bool { return false }
