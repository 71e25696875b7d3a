package bootloader

import (
	"fmt"
	"path/filepath"

	"syscall"
)

// Too little for the files of a boot loader.
const (
	tightBytes = 1 << 20
	tightFiles = 2
)

// noRoom says why a file system mounted at dir takes no more files, and what to
// do. A directory that is part of another file system is that one's affair.
func noRoom(dir string) string {
	var here, above syscall.Stat_t
	var fs syscall.Statfs_t
	if syscall.Stat(dir, &here) != nil || syscall.Stat(filepath.Dir(dir), &above) != nil || here.Dev == above.Dev || syscall.Statfs(dir, &fs) != nil {
		return ""
	}
	switch free := fs.Bavail * uint64(fs.Bsize); {
	case fs.Flags&syscall.MS_RDONLY != 0:
		return dir + " is mounted read-only: mount -o remount,rw " + dir + ", and see whether its file system has errors"
	case free < tightBytes:
		return fmt.Sprintf("%s is full (%d KiB free): delete old generations, or files there that nothing boots", dir, free>>10)
	case fs.Files > 0 && fs.Ffree < tightFiles:
		return dir + " has room for no other file (its inodes are used up): delete old generations, or files there that nothing boots"
	}
	return ""
}
