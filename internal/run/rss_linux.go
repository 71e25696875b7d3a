package run

import "syscall"

// maxRSSBytes converts ru_maxrss, which Linux counts in KiB (getrusage(2)).
func maxRSSBytes(ru *syscall.Rusage) int64 { return ru.Maxrss << 10 }
