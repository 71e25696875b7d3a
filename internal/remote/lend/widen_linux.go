package lend

import "golang.org/x/sys/unix"

// pipeRoom is as much as a session reads of its stdin at once, in bytes.
const pipeRoom = 256 << 10

// widen gives a pipe room for several packets; that it may not is no matter.
func widen(fd int) { _, _ = unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, pipeRoom) }
