package inspect

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// Disk is the file system that a directory is on.
type Disk struct {
	Dir                string
	Unreadable         bool   // it does not tell; the rest is 0
	Size, Used, Free   uint64 // bytes; Free is for whoever is not root
	Inodes, FreeInodes uint64 // both 0 where the file system makes them as it goes
	device             string
}

// takeDisk reads a line: directory, device, then as statfs has them block size, blocks,
// free blocks, those that are not root's alone, inodes and free inodes.
func (h *healthReading) takeDisk(value string) error {
	f := strings.Fields(value)
	if len(f) != 8 {
		return strconv.ErrSyntax
	}
	d := Disk{Dir: f[0], device: f[1]}
	var n [6]uint64
	for i := range n {
		var err error
		if n[i], err = strconv.ParseUint(f[i+2], 10, 64); err != nil {
			return err
		}
	}
	block, blocks, free := n[0], n[1], n[2]
	if high, _ := bits.Mul64(block, blocks); high != 0 || free > blocks || n[3] > free || n[5] > n[4] {
		return strconv.ErrRange
	}
	d.Size, d.Used, d.Free = block*blocks, block*(blocks-free), block*n[3]
	d.Inodes, d.FreeInodes = n[4], n[5]
	for _, other := range h.Disks {
		if other.device == d.device {
			return nil // told already
		}
	}
	h.Disks = append(h.Disks, d)
	return nil
}

// Usage is how full the file system is, from 0 to 1 and as df has it.
func (d Disk) Usage() float64 {
	if d.Used+d.Free == 0 {
		return 0
	}
	return float64(d.Used) / float64(d.Used+d.Free)
}

// Problem says what is wrong with it; "" for nothing.
func (d Disk) Problem(l Limits) string {
	switch {
	case d.Unreadable:
		return d.Dir + " cannot be read"
	case d.Usage() >= l.Usage:
		return fmt.Sprintf("%s is %.0f%% full", d.Dir, 100*d.Usage())
	case d.Inodes > 0 && float64(d.FreeInodes)/float64(d.Inodes) < l.FreeInodes:
		return fmt.Sprintf("%s has %d of %d inodes free", d.Dir, d.FreeInodes, d.Inodes)
	}
	return ""
}
