package agent

import (
	"os"

	"golang.org/x/sys/unix"
)

// watch tells when something in a directory may have changed, until stop is
// called. It returns a nil channel where the kernel cannot tell.
func watch(dir string) (changes <-chan struct{}, stop func()) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, func() {}
	}
	f := os.NewFile(uintptr(fd), "inotify")
	stop = func() { _ = f.Close() }
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_MODIFY|unix.IN_CREATE); err != nil {
		stop()
		return nil, func() {}
	}
	c := make(chan struct{}, 1)
	go func() {
		b := make([]byte, 4<<10) // one event at least; what they say does not matter
		for {
			if _, err := f.Read(b); err != nil {
				return
			}
			select {
			case c <- struct{}{}:
			default:
			}
		}
	}()
	return c, stop
}
