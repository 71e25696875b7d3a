package remote

import "golang.org/x/sys/unix"

// widen gives a pipe room for several packets; that it may not is no matter.
func widen(fd int) { _, _ = unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, copyBuffer) }
