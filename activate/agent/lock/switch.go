package lock

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"flakeops/internal/onhost"
)

// SwitchingError says that root runs switch-to-configuration, or keeps it from
// running for a reason of its own.
type SwitchingError struct {
	PID     int
	Program string
}

// Error names the process.
func (e *SwitchingError) Error() string {
	return fmt.Sprintf("somebody runs switch-to-configuration on this host: wait for it to end, then deploy again (PID %d, %s)", e.PID, e.Program)
}

// FreeSwitch makes sure that switch-to-configuration can have its lock, which it
// asks for once and without waiting. Whoever can open the file can lock it, to
// read it even, so it is made root's alone, and a fresh one where others could open
// it or have it locked. What root has locked is respected: that is the
// *SwitchingError.
func FreeSwitch(name string) error {
	if err := onhost.OwnedDir(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return onhost.WriteFile(name, nil) // it is a link, or whatever else
	}
	defer f.Close()
	for range 2 { // who had it may be done with it while we look
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			if isPrivate(f) {
				return nil
			}
			break
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return fmt.Errorf("locking %s: %w", name, err)
		}
		if holder := rootThatHolds(f); holder != nil {
			return holder
		}
	}
	// The lock is a stranger's, or its file is one that a stranger may have open.
	return onhost.WriteFile(name, nil)
}

// isPrivate says whether nobody but this process's user can open a file.
func isPrivate(f *os.File) bool {
	fi, err := f.Stat()
	if err != nil {
		return false
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && fi.Mode().IsRegular() && fi.Mode().Perm()&0o077 == 0 && int(st.Uid) == os.Geteuid() && st.Nlink == 1
}

// rootThatHolds finds a process of root's that has locked a file. /proc/locks
// would tell of fewer: it leaves out a lock whose taker is gone, while a child has
// it still.
func rootThatHolds(f *os.File) *SwitchingError {
	var want unix.Stat_t
	if unix.Fstat(int(f.Fd()), &want) != nil {
		return nil
	}
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, fd := range fds {
		var st unix.Stat_t
		if unix.Stat(fd, &st) != nil || st.Ino != want.Ino || st.Dev != want.Dev {
			continue
		}
		process := filepath.Dir(filepath.Dir(fd))
		info, _ := os.ReadFile(filepath.Join(process, "fdinfo", filepath.Base(fd)))
		if !bytes.Contains(info, []byte("FLOCK")) || !startedByRoot(process) {
			continue
		}
		e := &SwitchingError{}
		_, _ = fmt.Sscan(filepath.Base(process), &e.PID)
		name, _ := os.ReadFile(filepath.Join(process, "comm"))
		e.Program = strings.TrimSpace(string(name))
		return e
	}
	return nil
}

// startedByRoot goes by the real user: a stranger can have a program with the
// set-user-ID bit hold what he has opened.
func startedByRoot(process string) bool {
	status, err := os.ReadFile(filepath.Join(process, "status"))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(status)) {
		if ids, ok := strings.CutPrefix(line, "Uid:"); ok {
			f := strings.Fields(ids)
			return len(f) > 0 && f[0] == "0"
		}
	}
	return false
}
