package lend

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

func TestWhatAKilledLenderLeftIsRemoved(t *testing.T) {
	base, err := os.MkdirTemp("", "dead-") // that of a test has too long a name
	must(t, err)
	defer os.RemoveAll(base)
	t.Setenv("XDG_RUNTIME_DIR", base)
	living := newLender(t)

	dead := filepath.Join(base, dirPrefix+"dead")
	must(t, os.Mkdir(dead, 0o700))
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dead, socketName), Net: "unix"})
	must(t, err)
	l.SetUnlinkOnClose(false)
	must(t, l.Close())
	other := filepath.Join(base, dirPrefix+"other") // has no socket
	must(t, os.Mkdir(other, 0o700))

	newLender(t)
	for dir, stays := range map[string]bool{dead: false, other: true, living.dir: true} {
		if _, err := os.Stat(dir); (err == nil) != stays {
			t.Errorf("%s is there: %v, want %v", dir, err == nil, stays)
		}
	}
}
