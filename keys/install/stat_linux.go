package install

import "golang.org/x/sys/unix"

func modeOf(st *unix.Stat_t) uint32 { return st.Mode }

func inMemory(fs *unix.Statfs_t) bool {
	// The field's type differs between architectures.
	kind := uint32(fs.Type)
	return kind == unix.TMPFS_MAGIC || kind == unix.RAMFS_MAGIC
}
