//go:build !linux

package run

import "syscall"

// maxRSSBytes passes ru_maxrss on, which the BSDs and macOS count in bytes.
func maxRSSBytes(ru *syscall.Rusage) int64 { return int64(ru.Maxrss) }
