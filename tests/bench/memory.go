package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	memoryBar   = 60 << 20 // bytes
	sampleEvery = 20 * time.Millisecond
)

// memory measures the deployer at work on all hosts.
func (b *bench) memory(ctx context.Context, r *report) error {
	var peak int64
	for range b.Rounds {
		if err := b.change(); err != nil {
			return err
		}
		done, err := b.run(ctx, b.deploy(b.hosts))
		if err != nil {
			return err
		}
		peak = max(peak, done.memory)
	}
	r.add(figure{
		what:  fmt.Sprintf("peak memory of the deployer itself, %d hosts", b.Hosts),
		value: fmt.Sprintf("%.1f MB", float64(peak)/1e6),
		bar:   fmt.Sprintf("< %d MB", memoryBar>>20),
		kept:  peak > 0 && peak < memoryBar,
	})
	return nil
}

// watchMemory samples the peak resident memory of a process until peak is
// called. The kernel counts it for the process alone; what wait reports would
// be the largest of its children's. The last sample counts, so a rise in the
// last moments of the process goes unseen.
func watchMemory(pid int) (peak func() int64) {
	stop := make(chan struct{})
	result := make(chan int64)
	go func() {
		tick := time.NewTicker(sampleEvery)
		defer tick.Stop()
		var most int64
		for {
			most = max(most, highWater(pid))
			select {
			case <-tick.C:
			case <-stop:
				result <- most
				return
			}
		}
	}()
	return func() int64 { close(stop); return <-result }
}

// highWater is VmHWM of a process, 0 when it is gone.
func highWater(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10
		}
	}
	return 0
}
