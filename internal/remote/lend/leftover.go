package lend

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// removeLeftovers removes what Lenders of this user that were killed have left in base.
// What cannot be removed stays.
func removeLeftovers(base string) {
	dirs, _ := filepath.Glob(filepath.Join(base, dirPrefix+"*"))
	for _, dir := range dirs {
		fi, err := os.Lstat(dir)
		if err != nil || !fi.IsDir() {
			continue
		}
		st, ok := fi.Sys().(*syscall.Stat_t)
		if ok && int(st.Uid) == os.Geteuid() && isLeftover(filepath.Join(dir, socketName)) {
			_ = os.RemoveAll(dir)
		}
	}
}

// isLeftover says whether a socket's process is gone. It asks by a socket of another
// type, which a living one refuses without noticing, even before it listens.
func isLeftover(socket string) bool {
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err == nil {
		_ = c.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}
