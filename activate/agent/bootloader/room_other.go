//go:build !linux

package bootloader

// noRoom is for hosts, which run Linux.
func noRoom(string) string { return "" }
